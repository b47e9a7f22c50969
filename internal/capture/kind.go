package capture

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
)

// Kind is a kind of what holds flows.
type Kind string

// The kinds.
const (
	Mitm    Kind = "mitm"    // a flow file of mitmproxy
	HAR     Kind = "har"     // an HTTP Archive
	ZHAR    Kind = "zhar"    // an HTTP Archive as a zlib stream, as mitmproxy writes it
	Session Kind = "session" // a folder
)

// ParseKind reads the name of a kind.
func ParseKind(s string) (Kind, error) {
	switch k := Kind(strings.ToLower(s)); k {
	case Mitm, HAR, ZHAR, Session:
		return k, nil
	case "flow", "flows":
		return Mitm, nil
	}
	return "", fmt.Errorf("%q is no kind of capture: give mitm, har, zhar or session", s)
}

// ByName tells a kind by the name of a file that may not be there yet, "" where
// the name says nothing.
func ByName(path string) Kind {
	switch strings.ToLower(filepath.Ext(path)) {
	case ".mitm", ".flow", ".flows", ".dump":
		return Mitm
	case ".har":
		return HAR
	case ".zhar":
		return ZHAR
	}
	if info, err := os.Stat(path); err == nil && info.IsDir() {
		return Session
	}
	if strings.HasSuffix(path, "/") || strings.HasSuffix(path, string(filepath.Separator)) {
		return Session
	}
	return ""
}

// detect tells a kind by how a file begins.
func detect(src io.ReaderAt) (Kind, error) {
	head := make([]byte, 512)
	n, err := src.ReadAt(head, 0)
	if n == 0 {
		if err == nil || err == io.EOF {
			return Mitm, nil // no flows at all
		}
		return "", err
	}
	head = bytes.TrimLeft(bytes.TrimPrefix(head[:n], []byte("\xef\xbb\xbf")), " \t\r\n")
	switch {
	case len(head) > 0 && head[0] == '{':
		return HAR, nil
	case len(head) > 0 && head[0] >= '0' && head[0] <= '9':
		return Mitm, nil
	case len(head) > 1 && head[0]&0x0f == 8 && (int(head[0])<<8|int(head[1]))%31 == 0:
		return ZHAR, nil
	}
	return "", fmt.Errorf("it is no flow file and no HAR: it begins with %.20q; name its kind with --from if it is one", head)
}
