package option

import "strings"

// Nearest returns the name of names that word most likely meant, "" when none
// is near: at most a third of the letters may differ. Case and the kind of
// hyphen do not count; an exact prefix of a single name is near.
func Nearest(word string, names []string) string {
	w := fold(word)
	if w == "" || len(w) > 100 {
		return ""
	}
	best, distance := "", max(1, len(w)/3)+1
	prefixed, prefixes := "", 0
	for _, name := range names {
		n := fold(name)
		if d := edits(w, n); d < distance {
			best, distance = name, d
		}
		if len(w) >= 3 && strings.HasPrefix(n, w) {
			prefixed = name
			prefixes++
		}
	}
	if distance > 1 && prefixes == 1 {
		return prefixed
	}
	return best
}

func fold(s string) string {
	return strings.ReplaceAll(strings.ToLower(s), "-", "_")
}

// edits counts the insertions, deletions, changes and swaps of neighbours that
// turn a into b.
func edits(a, b string) int {
	before, last, row := make([]int, len(b)+1), make([]int, len(b)+1), make([]int, len(b)+1)
	for j := range last {
		last[j] = j
	}
	for i := 1; i <= len(a); i++ {
		row[0] = i
		for j := 1; j <= len(b); j++ {
			cost := 1
			if a[i-1] == b[j-1] {
				cost = 0
			}
			row[j] = min(last[j]+1, row[j-1]+1, last[j-1]+cost)
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				row[j] = min(row[j], before[j-2]+1)
			}
		}
		before, last, row = last, row, before
	}
	return last[len(b)]
}
