package coding

import (
	"fmt"
	"strings"
)

// UnknownError is returned for a content coding that is not known.
type UnknownError struct {
	Name string
}

func (e *UnknownError) Error() string {
	return fmt.Sprintf("unknown content coding %q: known are gzip, deflate, br, zstd and identity", e.Name)
}

// LimitError is returned when content is larger than was allowed.
type LimitError struct {
	Limit int64 // octets
}

func (e *LimitError) Error() string {
	return fmt.Sprintf("content has more than %d bytes when decoded", e.Limit)
}

type kind uint8

const (
	gzipCoding kind = iota
	deflateCoding
	rawDeflateCoding
	brotliCoding
	zstdCoding
)

// maxCodings bounds a list: each decoder multiplies what one octet can become.
const maxCodings = 8

// Known tells whether bodies with that Content-Encoding can be decoded and
// encoded.
func Known(name string) bool {
	_, err := parse(name)
	return err == nil
}

// Identity tells whether name stands for no coding at all.
func Identity(name string) bool {
	kinds, err := parse(name)
	return err == nil && len(kinds) == 0
}

// parse returns the codings of a Content-Encoding value in the order in which
// they were applied; identity is left out.
func parse(name string) ([]kind, error) {
	var kinds []kind
	for rest := name; rest != ""; {
		var item string
		item, rest, _ = strings.Cut(rest, ",")
		k, ok, err := parseOne(strings.Trim(item, " \t"))
		if err != nil {
			return nil, err
		}
		if !ok {
			continue
		}
		if len(kinds) == maxCodings {
			return nil, &UnknownError{Name: name}
		}
		kinds = append(kinds, k)
	}
	return kinds, nil
}

func parseOne(item string) (k kind, coded bool, err error) {
	switch strings.ToLower(item) {
	case "", "identity", "none":
		return 0, false, nil
	case "gzip", "x-gzip":
		return gzipCoding, true, nil
	case "deflate":
		return deflateCoding, true, nil
	case "deflateraw":
		return rawDeflateCoding, true, nil
	case "br":
		return brotliCoding, true, nil
	case "zstd":
		return zstdCoding, true, nil
	}
	return 0, false, &UnknownError{Name: item}
}
