package coding

import (
	"bytes"
	"io"
)

// Decode returns the content of the coded octets p. Content of more than limit
// octets is a *LimitError, found without decoding more than that; limit 0 is
// none. A name that is not known is an *UnknownError. No octets decode to none;
// without a coding p itself is returned.
func Decode(name string, p []byte, limit int64) ([]byte, error) {
	kinds, err := parse(name)
	if err != nil {
		return nil, err
	}
	if len(kinds) == 0 || len(p) == 0 {
		if limit > 0 && int64(len(p)) > limit {
			return nil, &LimitError{Limit: limit}
		}
		return p, nil
	}
	d, err := NewDecoder(name, bytes.NewReader(p))
	if err != nil {
		return nil, err
	}
	defer d.Close()
	var out bytes.Buffer
	if limit <= 0 {
		_, err = out.ReadFrom(d)
		return out.Bytes(), err
	}
	n, err := out.ReadFrom(io.LimitReader(d, limit+1))
	if n > limit {
		return nil, &LimitError{Limit: limit}
	}
	if err != nil {
		return nil, err
	}
	return out.Bytes(), nil
}

// Encode codes p as the Content-Encoding value name says; a name that is not
// known is an *UnknownError. Without a coding p itself is returned.
func Encode(name string, p []byte) ([]byte, error) {
	kinds, err := parse(name)
	if err != nil {
		return nil, err
	}
	if len(kinds) == 0 {
		return p, nil
	}
	var out bytes.Buffer
	e, err := NewEncoder(name, &out)
	if err != nil {
		return nil, err
	}
	if _, err := e.Write(p); err != nil {
		e.Close()
		return nil, err
	}
	if err := e.Close(); err != nil {
		return nil, err
	}
	return out.Bytes(), nil
}
