package hook

import (
	"errors"
	"fmt"
	"io"

	"midstream/flow"
	"midstream/internal/coding"
)

// Access is what a hook may do with the content of a message.
type Access uint8

// The kinds of access.
const (
	NotYet   Access = iota // a head hook: the body has not come
	Editable               // held, or made by a hook: read and write
	ReadOnly               // sent already and recorded: read only
	Missing                // passed unrecorded: neither
)

// Errors of the content methods.
var (
	ErrMissing  = errors.New("content is missing: the body passed without being recorded")
	ErrNotYet   = errors.New("content is not there yet: the body comes after the head hooks")
	ErrReadOnly = errors.New("the body was sent already: a change comes too late")
)

// A Source gives the whole of a body that is kept somewhere.
type Source interface {
	Len() int64
	Open() (io.ReadCloser, error)
}

// Body is the body of a live message as hooks see it. The zero value has none
// yet.
type Body struct {
	// Stream says how the body should flow; head hooks set it.
	Stream Stream

	head    *flow.Message
	access  Access
	source  Source
	content []byte // set by a hook, or read from source
	loaded  bool
	changed bool
	limit   int64
	late    func(what string) // called when a change is refused

	rewritings []Rewriting
	hold       string // why the whole is wanted
	guarded    bool   // by a guard
	given      Source // that a hook has made it with
}

// Access tells what may be done with the content now.
func (b *Body) Access() Access { return b.access }

// Changed tells whether a hook replaced the body.
func (b *Body) Changed() bool { return b.changed }

// Len is the length of the raw body, -1 while it is not there.
func (b *Body) Len() int64 {
	switch {
	case b.changed || b.loaded:
		return int64(len(b.content))
	case b.source != nil:
		return b.source.Len()
	case b.access == Editable:
		return 0
	}
	return -1
}

// Open returns the raw body from its start, however large it is. The caller
// must close it before the hook returns.
func (b *Body) Open() (io.ReadCloser, error) {
	if err := b.readable(); err != nil {
		return nil, err
	}
	if b.changed || b.loaded || b.source == nil {
		return io.NopCloser(newBytesReader(b.content)), nil
	}
	return b.source.Open()
}

// Raw returns the body as it stands on the wire with the transfer coding
// removed. It fails with ErrNotYet or ErrMissing when it is not there, and
// above content_limit. The caller must not change the bytes.
func (b *Body) Raw() ([]byte, error) {
	if err := b.readable(); err != nil {
		return nil, err
	}
	if b.changed || b.loaded || b.source == nil {
		return b.content, nil
	}
	if n := b.source.Len(); b.limit > 0 && n > b.limit {
		return nil, fmt.Errorf("the body has %d bytes, more than content_limit (%d): use stream with a function, or raise content_limit", n, b.limit)
	}
	r, err := b.source.Open()
	if err != nil {
		return nil, fmt.Errorf("open body: %w", err)
	}
	defer r.Close()
	p := make([]byte, b.source.Len())
	if _, err := io.ReadFull(r, p); err != nil {
		return nil, fmt.Errorf("read body: %w", err)
	}
	b.content, b.loaded = p, true
	return p, nil
}

// SetRaw replaces the body; fields are left as they are (Content-Length is
// framing and is computed when the message is sent). It fails with ErrNotYet,
// ErrMissing or ErrReadOnly where a change cannot reach the wire.
func (b *Body) SetRaw(p []byte) error {
	switch b.access {
	case NotYet:
		return ErrNotYet
	case Missing:
		b.refuse("content")
		return ErrMissing
	case ReadOnly:
		b.refuse("content")
		return ErrReadOnly
	}
	b.content, b.changed = p, true
	return nil
}

// Content returns the body with its content coding removed (Content-Encoding:
// one of gzip, deflate, br, zstd, identity, or a list of them). Errors as Raw,
// and one for an unknown coding or damaged data.
func (b *Body) Content() ([]byte, error) {
	raw, err := b.Raw()
	if err != nil {
		return nil, err
	}
	name := b.head.Fields.Joined("Content-Encoding")
	p, err := coding.Decode(name, raw, b.limit)
	if err != nil {
		return nil, fmt.Errorf("decode %s body: %w", name, err)
	}
	return p, nil
}

// SetContent replaces the body by p, encoded as Content-Encoding says. With a
// coding that is not known the field is removed and p is sent as it is. An
// existing Content-Length follows.
func (b *Body) SetContent(p []byte) error {
	if b.access != Editable {
		return b.SetRaw(p)
	}
	raw := p
	if name := b.head.Fields.Joined("Content-Encoding"); name != "" {
		enc, err := coding.Encode(name, p)
		if err != nil {
			b.head.Fields.Del("Content-Encoding")
		} else {
			raw = enc
		}
	}
	if err := b.SetRaw(raw); err != nil {
		return err
	}
	if !b.head.Fields.Has("Transfer-Encoding") {
		b.head.Fields.Set("Content-Length", fmt.Sprint(len(raw)))
	}
	return nil
}

// Text returns Content as text, by byte order mark, charset parameter or what
// the type implies.
func (b *Body) Text() (string, error) {
	p, err := b.Content()
	if err != nil {
		return "", err
	}
	return coding.DecodeText(b.head.Fields.Get("Content-Type"), p)
}

// SetText replaces the body by s, in the charset that the head says; where s
// does not fit it, the head is changed to UTF-8.
func (b *Body) SetText(s string) error {
	p, contentType := coding.EncodeText(b.head.Fields.Get("Content-Type"), s)
	if b.access == Editable && contentType != b.head.Fields.Get("Content-Type") {
		b.head.Fields.Set("Content-Type", contentType)
	}
	return b.SetContent(p)
}

func (b *Body) readable() error {
	switch b.access {
	case NotYet:
		return ErrNotYet
	case Missing:
		return ErrMissing
	}
	return nil
}

func (b *Body) refuse(what string) {
	if b.late != nil {
		b.late(what)
	}
}
