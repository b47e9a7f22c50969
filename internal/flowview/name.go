package flowview

import (
	"context"
	"fmt"
	"strconv"
	"strings"

	"midstream/internal/dump"
	"midstream/internal/store"
)

// SplitName splits a flow's name into the session it names, "" without one, and
// the rest: "DIR#4471" is flow 4471 of the session in DIR.
func SplitName(name string) (session, id string) {
	if i := strings.LastIndexByte(name, '#'); i > 0 {
		return name[:i], name[i+1:]
	}
	return "", strings.TrimPrefix(name, "#")
}

// NameError is a name that can name no flow.
type NameError struct{ Name string }

func (e *NameError) Error() string {
	return fmt.Sprintf("%q names no flow: give its number, last, or the first digits of its UUID (at least 4, or up to the first hyphen)", dump.Safe(e.Name))
}

// minPrefix is the fewest digits of a UUID that are taken as one.
const minPrefix = 4

// Resolve returns the number of the flow that id names: a number, "last", or a
// UUID or the first digits of one. Digits alone are a number first. It fails
// with *NameError and store.ErrNotFound.
func Resolve(ctx context.Context, r *store.Reader, id string) (uint64, error) {
	if id == "last" {
		return r.Last(ctx)
	}
	if n, err := strconv.ParseUint(id, 10, 64); err == nil && n > 0 && n < 1<<63 {
		return n, nil
	}
	if !uuidPrefix(id) {
		return 0, &NameError{id}
	}
	return r.Find(ctx, id)
}

func uuidPrefix(s string) bool {
	digits := 0
	for i := range len(s) {
		switch c := s[i] | 0x20; {
		case c >= '0' && c <= '9', c >= 'a' && c <= 'f':
			digits++
		case s[i] == '-' && i > 0:
		default:
			return false
		}
	}
	return digits >= minPrefix && digits <= 32
}
