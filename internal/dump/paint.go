package dump

// colour is a parameter of SGR (ECMA-48 section 8.3.117); "" paints nothing.
type colour string

const (
	dim    colour = "2"
	bold   colour = "1"
	red    colour = "31"
	green  colour = "32"
	yellow colour = "33"
	cyan   colour = "36"
)

// Palette says whether output is painted.
type Palette uint8

// The palettes.
const (
	Plain  Palette = iota // no escape sequences at all
	Colour                // the terminal's own sixteen colours
)

// paint appends s in colour c.
func (p Palette) paint(dst []byte, c colour, s string) []byte {
	if p == Plain || c == "" {
		return append(dst, s...)
	}
	dst = append(dst, "\x1b["...)
	dst = append(dst, c...)
	dst = append(dst, 'm')
	dst = append(dst, s...)
	return append(dst, "\x1b[0m"...)
}

// statusColour follows the class of the status.
func statusColour(status int) colour {
	switch status / 100 {
	case 2:
		return green
	case 3:
		return cyan
	case 4:
		return yellow
	case 5:
		return red
	}
	return ""
}
