package body

import (
	"bytes"
	"context"

	"midstream/hook"
)

// Replace returns a transform of one body that puts new in the place of each
// old, leftmost first, not overlapping, wherever the body is cut into pieces.
// It holds back only what may be the beginning of old. An empty old replaces
// nothing. Neither slice may change while the transform is in use.
func Replace(old, new []byte) hook.Transform { return ReplaceWatched(old, new, nil) }

// ReplaceWatched is Replace that calls matched for each replacement.
func ReplaceWatched(old, new []byte, matched func()) hook.Transform {
	if matched == nil {
		matched = func() {}
	}
	r := &replacer{old: old, new: new, matched: matched, border: make([]int, len(old))}
	for i, b := 1, 0; i < len(old); i++ {
		for b > 0 && old[i] != old[b] {
			b = r.border[b-1]
		}
		if old[i] == old[b] {
			b++
		}
		r.border[i] = b
	}
	return r
}

// replacer is the automaton of Knuth, Morris and Pratt where pieces meet, and
// bytes.Index within a piece. What it holds back is always old[:held].
type replacer struct {
	old, new []byte
	border   []int // border[i] is the length of the longest border of old[:i+1]
	held     int
	matched  func()
	out      []byte
}

func (r *replacer) Chunk(_ context.Context, p []byte, emit func([]byte) error) error {
	if len(r.old) == 0 {
		return emit(p)
	}
	r.out = r.out[:0]
	p = p[r.seam(p):]
	for {
		i := bytes.Index(p, r.old)
		if i < 0 {
			break
		}
		r.out = append(append(r.out, p[:i]...), r.new...)
		r.matched()
		p = p[i+len(r.old):]
		if len(r.out) >= PieceSize {
			if err := emit(r.out); err != nil {
				return err
			}
			r.out = r.out[:0]
		}
	}
	if r.held == 0 {
		r.held = r.tail(p)
		p = p[:len(p)-r.held]
	}
	if len(r.out) == 0 {
		if len(p) == 0 {
			return nil
		}
		return emit(p)
	}
	r.out = append(r.out, p...)
	return emit(r.out)
}

// seam goes on with what is held until nothing is, and returns how many bytes
// of p that took.
func (r *replacer) seam(p []byte) int {
	for i, c := range p {
		for r.held > 0 && r.old[r.held] != c {
			b := r.border[r.held-1]
			r.out = append(r.out, r.old[:r.held-b]...)
			r.held = b
		}
		if r.held == 0 {
			return i
		}
		if r.held++; r.held == len(r.old) {
			r.out = append(r.out, r.new...)
			r.matched()
			r.held = 0
			return i + 1
		}
	}
	return len(p)
}

// tail returns the length of the longest end of p that begins old.
func (r *replacer) tail(p []byte) int {
	n := 0
	for _, c := range p[max(0, len(p)-len(r.old)+1):] {
		for n > 0 && r.old[n] != c {
			n = r.border[n-1]
		}
		if r.old[n] == c {
			n++
		}
	}
	return n
}

// Prompt implements Prompt.
func (r *replacer) Prompt() bool { return true }

// Held returns what is held back.
func (r *replacer) Held() []byte { return r.old[:r.held] }

func (r *replacer) End(_ context.Context, emit func([]byte) error) error {
	if r.held == 0 {
		return nil
	}
	n := r.held
	r.held = 0
	return emit(r.old[:n])
}
