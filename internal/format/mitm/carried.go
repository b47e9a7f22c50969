package mitm

import (
	"bytes"
	"errors"
	"fmt"
	"math"

	"midstream/internal/format"
	"midstream/internal/format/tnet"
)

// maxCarried bounds what is carried for one flow.
const maxCarried = 1 << 20

// carry keeps in it.Flow.Carried what v says and the state of it does not: the
// values that differ, under their keys.
func carry(v *tnet.Value, it *format.Item) error {
	own, err := state(it)
	if err != nil {
		return err
	}
	rest, differs, err := difference(v, &own)
	if err != nil || !differs {
		return err
	}
	var b bytes.Buffer
	if _, err := rest.WriteTo(&limited{&b}); err != nil {
		return fmt.Errorf("what it says beyond its messages: %w", err)
	}
	it.Flow.Carried = b.Bytes()
	return nil
}

type limited struct{ *bytes.Buffer }

func (l *limited) Write(p []byte) (int, error) {
	if l.Len()+len(p) > maxCarried {
		return 0, fmt.Errorf("more than %d octets", maxCarried)
	}
	return l.Buffer.Write(p)
}

// restore puts what is carried back into v.
func restore(v *tnet.Value, carried []byte) error {
	if len(carried) == 0 {
		return nil
	}
	rest, _, err := tnet.Parse(format.Octets(carried), 0, int64(len(carried)))
	if err != nil {
		return err
	}
	overlay(v, &rest)
	return nil
}

func overlay(v, rest *tnet.Value) {
	for _, e := range rest.Entries() {
		if at := v.Key(e.Key); at.Tag() == tnet.Dict && e.Value.Tag() == tnet.Dict && e.Key != "metadata" {
			overlay(at, &e.Value)
			continue
		}
		if e.Key == "metadata" {
			for _, m := range e.Value.Entries() {
				if now := v.Key("metadata").Key(m.Key); now.Tag() == tnet.Text && m.Value.Tag() != tnet.Text {
					if was, ok := written(&m.Value); ok && was != text(v.Key("metadata"), m.Key) {
						continue // it has been changed since
					}
				}
				v.Key("metadata").Set(m.Key, m.Value)
			}
			continue
		}
		v.Set(e.Key, e.Value)
	}
}

// large are the keys whose values are never compared: they are in the bodies.
func large(key string) bool { return key == "content" || key == "messages" }

// difference returns the entries of v that own does not have so.
func difference(v, own *tnet.Value) (rest tnet.Value, differs bool, err error) {
	rest = tnet.NewDict()
	for _, e := range v.Entries() {
		mine := own.Key(e.Key)
		switch {
		case large(e.Key):
		case e.Value.Tag() == tnet.Dict && mine.Tag() == tnet.Dict:
			inner, some, err := difference(&e.Value, mine)
			if err != nil {
				return rest, false, err
			}
			if some {
				rest.Set(e.Key, inner)
				differs = true
			}
		default:
			same, err := equal(&e.Value, mine, 0)
			if err != nil {
				return rest, false, err
			}
			if !same {
				rest.Set(e.Key, e.Value)
				differs = true
			}
		}
	}
	return rest, differs, nil
}

// equal compares two values; numbers count as equal within a microsecond, which
// is what a session keeps of a time.
func equal(a, b *tnet.Value, depth int) (bool, error) {
	if a.Tag() != b.Tag() || depth > 8 {
		return false, nil
	}
	switch a.Tag() {
	case tnet.Null:
		return true, nil
	case tnet.Float:
		x, err1 := a.Float()
		y, err2 := b.Float()
		return math.Abs(x-y) < 1.1e-6, errors.Join(err1, err2)
	case tnet.List:
		x, err1 := a.Items(maxFields)
		y, err2 := b.Items(maxFields)
		if err := errors.Join(err1, err2); err != nil || len(x) != len(y) {
			return false, err
		}
		for i := range x {
			if same, err := equal(x[i], y[i], depth+1); err != nil || !same {
				return same, err
			}
		}
		return true, nil
	case tnet.Dict:
		if len(a.Entries()) != len(b.Entries()) {
			return false, nil
		}
		for _, e := range a.Entries() {
			if same, err := equal(&e.Value, b.Key(e.Key), depth+1); err != nil || !same {
				return same, err
			}
		}
		return true, nil
	}
	x, err1 := a.Bytes(maxText)
	y, err2 := b.Bytes(maxText)
	return bytes.Equal(x, y), errors.Join(err1, err2)
}
