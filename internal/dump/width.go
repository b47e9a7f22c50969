package dump

// columns counts the columns of a terminal that s takes, s being safe.
func columns(s string) int {
	n := 0
	for _, r := range s {
		n += runeColumns(r)
	}
	return n
}

// runeColumns is 2 for the wide letters of East Asia and pictures, else 1.
func runeColumns(r rune) int {
	switch {
	case r < 0x1100:
		return 1
	case r <= 0x115f, r >= 0x2e80 && r <= 0xa4cf, r >= 0xac00 && r <= 0xd7a3, r >= 0xf900 && r <= 0xfaff,
		r >= 0xfe30 && r <= 0xfe6f, r >= 0xff00 && r <= 0xff60, r >= 0xffe0 && r <= 0xffe6,
		r >= 0x1f300 && r <= 0x1faff, r >= 0x20000 && r <= 0x3fffd:
		return 2
	}
	return 1
}

// Shorten cuts s, which is safe, to at most width columns, the last of them
// being an ellipsis where something was cut.
func Shorten(s string, width int) string {
	if width <= 0 {
		return ""
	}
	if columns(s) <= width {
		return s
	}
	n := 0
	for i, r := range s {
		if n+runeColumns(r) > width-1 {
			return s[:i] + "…"
		}
		n += runeColumns(r)
	}
	return s
}
