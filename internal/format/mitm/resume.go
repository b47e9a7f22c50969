package mitm

import (
	"bytes"
	"errors"
	"io"

	"midstream/internal/format/tnet"
)

// maxTries bounds, for one file, the places that are parsed to find a flow behind damage.
const maxTries = 4096

// firstKeys are the keys that a flow may begin with: which it is depends on who wrote it.
var firstKeys = [][]byte{
	[]byte("version"), []byte("type"), []byte("id"), []byte("error"), []byte("client_conn"), []byte("server_conn"), []byte("intercepted"),
	[]byte("is_replay"), []byte("marked"), []byte("metadata"), []byte("comment"), []byte("timestamp_created"), []byte("backup"), []byte("request"),
	[]byte("response"), []byte("websocket"), []byte("messages"), []byte("mode"), []byte("server_extensions"), []byte("close_reason"),
}

// resume finds where the next flow begins behind from, at which none can be read. ok
// is false where there is none.
func (r *Reader) resume(from int64) (at int64, ok bool) {
	const (
		window  = 64 << 10
		overlap = 64 // a length, the first key and what stands before them lie in it
	)
	buf := make([]byte, window+overlap)
	for base := from; base < r.size && r.tries < maxTries; base += window {
		n, err := r.src.ReadAt(buf[:min(int64(len(buf)), r.size-base)], base)
		if n == 0 && err != nil {
			return 0, false
		}
		p := buf[:n]
		for i := 0; i < min(n, window+overlap/2); i++ {
			next := bytes.IndexByte(p[i:], ':')
			if next < 0 {
				break
			}
			if i += next; !beginsDict(p[i+1:]) || nested(p[:i]) {
				continue
			}
			for digits := 1; digits <= min(i, 12) && isDigit(p[i-digits]); digits++ {
				if start := base + int64(i-digits); start > from && r.isFlow(start, p[i-digits:i+1]) {
					return start, true
				}
			}
		}
	}
	return 0, false
}

func isDigit(b byte) bool { return b >= '0' && b <= '9' }

// beginsDict tells whether p begins with the first key of a flow.
func beginsDict(p []byte) bool {
	length, n, err := tnet.Prefix(p[:min(len(p), 4)])
	if err != nil || n == 0 || int64(len(p)-n) <= length {
		return false
	}
	if tag := tnet.Tag(p[n+int(length)]); tag != tnet.Text && tag != tnet.Octets {
		return false
	}
	for _, k := range firstKeys {
		if bytes.Equal(k, p[n:n+int(length)]) {
			return true
		}
	}
	return false
}

// nested tells whether what follows p, which ends in the digits of a length, is what a
// flow was before it was changed.
func nested(p []byte) bool {
	for len(p) > 0 && isDigit(p[len(p)-1]) {
		p = p[:len(p)-1]
	}
	return bytes.HasSuffix(p, []byte("6:backup;")) || bytes.HasSuffix(p, []byte("6:backup,"))
}

// isFlow tells whether a flow begins at start with prefix; the file may end inside it.
func (r *Reader) isFlow(start int64, prefix []byte) bool {
	length, n, err := tnet.Prefix(prefix)
	end := start + int64(n) + length
	if err != nil || n == 0 {
		return false
	}
	if end < r.size {
		var tag [1]byte
		if _, err := r.src.ReadAt(tag[:], end); err != nil && !errors.Is(err, io.EOF) || tnet.Tag(tag[0]) != tnet.Dict {
			return false
		}
	}
	if r.tries++; r.tries > maxTries {
		return false
	}
	v, _, err := tnet.Parse(r.src, start, r.size)
	return (err == nil || errors.Is(err, tnet.ErrCut)) && v.Key("version") != nil && v.Key("type") != nil
}
