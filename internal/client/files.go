package client

import (
	_ "embed" // the script of Node
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"strings"
)

// NodeScript is what NODE_OPTIONS loads: it takes fetch and the default agents of
// older Nodes through the proxy. Save it with a name that ends in .cjs.
//
//go:embed node-proxy.cjs
var NodeScript string

// maxWgetrc bounds the settings of wget that are taken over.
const maxWgetrc = 1 << 20

// WgetSettings returns the text for WGETRC: wget has no variable for the list of
// authorities. The file that this one takes the place of stays in it; old is its
// path, "" where there is none. pem names the list.
func WgetSettings(old, pem string) (string, error) {
	var text strings.Builder
	if old != "" {
		f, err := os.Open(old)
		switch {
		case errors.Is(err, fs.ErrNotExist):
		case err != nil:
			return "", fmt.Errorf("read the settings of wget: %w", err)
		default:
			defer f.Close()
			n, err := io.Copy(&text, io.LimitReader(f, maxWgetrc+1))
			if err != nil {
				return "", fmt.Errorf("read the settings of wget: %w", err)
			}
			if n > maxWgetrc {
				return "", fmt.Errorf("read the settings of wget: %s is larger than %d MiB", old, maxWgetrc>>20)
			}
			if n > 0 && !strings.HasSuffix(text.String(), "\n") {
				text.WriteByte('\n')
			}
		}
	}
	fmt.Fprintf(&text, "ca_certificate = %s\n", pem)
	return text.String(), nil
}
