package web

import (
	"embed"
	"io/fs"
)

//go:embed dist
var built embed.FS

// Files returns the built page: index.html at the root, what it loads in
// assets/. Every name a path of the URL may end in is there; all else is the
// page's own and gets index.html.
func Files() fs.FS {
	files, err := fs.Sub(built, "dist")
	if err != nil { // "dist" is a valid path: it is the one that was embedded
		panic(err)
	}
	return files
}
