// Package web has the page: the built files of web/, inside the binary.
//
//	web/src (Svelte, TypeScript) ──npm run build──► internal/web/dist
//	internal/web/dist ──embed──► Files() ──► who serves HTTP
//
// The built files are committed, so that `go build` alone gives the page; a
// test builds them again and compares. The package serves nothing and knows no
// addresses: headers, tokens and paths are the server's. Files may be called
// at once from everywhere.
package web
