package http1

import (
	"bytes"
	"errors"
	"fmt"
	"strings"

	"midstream/flow"
)

// AppendRequestHead appends a request head with its final blank line: the lines
// as they came where they still say what r says. HTTP/1.0 is printed as such,
// any other version as HTTP/1.1.
func AppendRequestHead(dst []byte, r *flow.Request) []byte {
	if wire, ok := requestWire(r); ok {
		dst = append(dst, wire...)
	} else {
		dst = append(dst, r.Method...)
		dst = append(dst, ' ')
		dst = appendTarget(dst, r)
		dst = append(dst, ' ')
		dst = append(dst, version(r.Version).String()...)
	}
	dst = append(dst, "\r\n"...)
	return append(AppendFields(dst, r.Fields), "\r\n"...)
}

// requestWire returns the request line as it came if it is spelled in a way that
// printing would not reproduce.
func requestWire(r *flow.Request) (string, bool) {
	if r.Form != flow.AbsoluteForm || r.Wire == "" {
		return "", false
	}
	rest, ok := strings.CutPrefix(r.Wire, r.Method)
	if !ok {
		return "", false
	}
	rest, ok = strings.CutSuffix(rest, version(r.Version).String())
	if !ok || len(rest) < 3 || rest[0] != ' ' || rest[len(rest)-1] != ' ' {
		return "", false
	}
	return r.Wire, spellsTarget(rest[1:len(rest)-1], r)
}

// AppendResponseHead is AppendRequestHead for a response head.
func AppendResponseHead(dst []byte, r *flow.Response) []byte {
	dst = appendStatusLine(dst, r)
	if !r.LineFeed {
		return append(AppendFields(dst, r.Fields), "\r\n"...)
	}
	for i := range r.Fields {
		dst = append(r.Fields[i].AppendLine(dst), '\n')
	}
	return append(dst, '\n')
}

// lineEnd is what ends each line of a response head.
func lineEnd(r *flow.Response) string {
	if r.LineFeed {
		return "\n"
	}
	return "\r\n"
}

func appendStatusLine(dst []byte, r *flow.Response) []byte {
	start := len(dst)
	dst = append(dst, version(r.Version).String()...)
	dst = append(dst, ' ', digit(r.Status/100), digit(r.Status/10), digit(r.Status), ' ')
	dst = append(dst, r.Reason...)
	// Only the space before an empty reason phrase can be there or not.
	if r.Reason == "" && len(r.Wire) == len(dst)-start-1 && r.Wire == string(dst[start:len(dst)-1]) {
		dst = dst[:len(dst)-1]
	}
	return append(dst, lineEnd(r)...)
}

func digit(n int) byte { return '0' + byte(n%10) }

func version(v flow.Version) flow.Version {
	if v == flow.HTTP10 {
		return v
	}
	return flow.HTTP11
}

// AppendFields appends field lines, without a blank line after them.
func AppendFields(dst []byte, fs flow.Fields) []byte {
	for i := range fs {
		dst = append(fs[i].AppendLine(dst), "\r\n"...)
	}
	return dst
}

var (
	errSplits = errors.New("a value has a line break or NUL in it")
	errName   = errors.New("a field name is empty or has white space, a colon or a control character in it")
)

// checkPrinted refuses a head that would be read as something else than what it
// was made from: printed is its octets, lines the number of its lines without
// the blank one, returns how many CR it has. Values that hooks or other HTTP versions brought in must not
// be able to start a line of their own.
func checkPrinted(printed []byte, lines, returns int, fs flow.Fields) error {
	if bytes.Count(printed, []byte{'\n'}) != lines+1 || bytes.Count(printed, []byte{'\r'}) != returns ||
		bytes.IndexByte(printed, 0) >= 0 {
		return errSplits
	}
	for i := range fs {
		name := fs[i].Name
		if name == "" || strings.IndexByte(name, ':') >= 0 || find(name, ctlOctet|spaceOctet) >= 0 {
			return errName
		}
	}
	return nil
}

// checkRequestLine refuses parts that would not be read as one method and target.
func checkRequestLine(line []byte) error {
	spaces := 0
	for i, c := range line {
		if c == ' ' {
			spaces++
			if i == 0 || line[i-1] == ' ' {
				return fmt.Errorf("the request line has an empty part: %s", flow.Quote(string(line)))
			}
		} else if octets[c]&(ctlOctet|spaceOctet) != 0 {
			return fmt.Errorf("the request line has a control character: %s", flow.Quote(string(line)))
		}
	}
	if spaces != 2 {
		return fmt.Errorf("the request line has a space in its method or target: %s", flow.Quote(string(line)))
	}
	return nil
}

// printRequest appends a checked request head to dst[:0].
func printRequest(dst []byte, r *flow.Request) ([]byte, error) {
	dst = AppendRequestHead(dst[:0], r)
	if err := checkPrinted(dst, len(r.Fields)+1, len(r.Fields)+2, r.Fields); err != nil {
		return dst, err
	}
	return dst, checkRequestLine(dst[:bytes.IndexByte(dst, '\r')])
}

// printResponse appends a checked response head to dst[:0], with the lines that
// the codec itself adds.
func printResponse(dst []byte, r *flow.Response, connection string) ([]byte, error) {
	if r.Status < 100 || r.Status > 999 {
		return dst, fmt.Errorf("there is no status %d", r.Status)
	}
	dst = AppendResponseHead(dst[:0], r)
	end, returns := lineEnd(r), len(r.Fields)+2
	if r.LineFeed {
		returns = 0
	}
	if err := checkPrinted(dst, len(r.Fields)+1, returns, r.Fields); err != nil {
		return dst, err
	}
	if connection != "" {
		dst = append(dst[:len(dst)-len(end)], "Connection: "...)
		dst = append(dst, connection...)
		dst = append(append(dst, end...), end...)
	}
	return dst, nil
}
