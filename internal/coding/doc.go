// Package coding has content codings (gzip, deflate, br, zstd) and charsets:
// between the bytes of a body and its content.
package coding
