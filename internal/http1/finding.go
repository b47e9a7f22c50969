package http1

import (
	"fmt"

	"midstream/flow"
)

// The codes of what the codec repairs. They are stable: filters use them.
const (
	BareLineFeed          = "bare-line-feed"
	BlankBeforeStart      = "blank-line-before-start-line"
	FieldFolded           = "field-folded"
	FieldLineDropped      = "field-line-dropped"
	FieldNameOdd          = "field-name-odd"
	FieldSpaceBeforeColon = "field-space-before-colon"
	FieldControl          = "field-control-character"
	FieldRespelled        = "framing-field-respelled"
	TargetOdd             = "target-odd"
	TargetUserinfo        = "target-userinfo"
	HostMissing           = "host-missing"
	VersionOdd            = "version-odd"
	StatusLineOdd         = "status-line-odd"
	StatusOdd             = "status-odd"
	LengthRepeated        = "length-repeated"
	LengthAndChunked      = "both-length-and-chunked"
	ChunkedTwice          = "chunked-twice"
	CodingIdentity        = "transfer-coding-identity"
	CodingInHTTP10        = "transfer-coding-in-http10"
	FramingOnBodiless     = "framing-without-body"
	ChunkLineOdd          = "chunk-line-odd"
	TrailerDropped        = "trailer-dropped"
	NoCloseNotify         = "tls-no-close-notify"
)

// notes collects findings, one a code: the number is bounded by the codes.
type notes []flow.Finding

func (n *notes) add(code, format string, args ...any) {
	for i := range *n {
		if (*n)[i].Code == code {
			return
		}
	}
	*n = append(*n, flow.Finding{Code: code, Text: fmt.Sprintf(format, args...)})
}

func (n notes) has(code string) bool {
	for i := range n {
		if n[i].Code == code {
			return true
		}
	}
	return false
}
