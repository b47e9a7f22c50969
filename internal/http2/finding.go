package http2

import (
	"fmt"

	"midstream/flow"
)

// The codes of what is repaired. They are stable: filters use them, and those of
// faults that HTTP/1 has too are the same there.
const (
	FieldLineDropped = "field-line-dropped"
	FieldNameOdd     = "field-name-odd"
	FieldSpace       = "field-space-around-value"
	FieldControl     = "field-control-character"
	FieldConnection  = "field-of-a-connection"
	TargetOdd        = "target-odd"
	LengthRepeated   = "length-repeated"
	TrailerDropped   = "trailer-dropped"
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
