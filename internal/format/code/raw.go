package code

import (
	"fmt"
	"io"
	"strconv"

	"midstream/flow"
	"midstream/internal/format"
)

// rawChunk is how long the chunks of a body are that came in chunks, in octets.
const rawChunk = 32 << 10

// raw writes messages as HTTP/1 has them on the wire (RFC 9112), the body's
// content coding left on. Between request and response stand two empty lines.
func (w *Writer) raw(it *format.Item) error {
	f := it.Flow
	if f.Kind != flow.HTTP || f.Request == nil && w.kind != RawResponse {
		return unfit("it has no request: it is %s", kindName(f))
	}
	if w.kind != RawResponse {
		if err := whole(&f.RequestBody, it.Bodies[flow.ToServer], flow.ToServer); err != nil && !upgraded(f) {
			return err
		}
	}
	response := f.Response
	if response == nil && w.kind == RawResponse {
		return unfit("it has no response")
	}
	if response != nil && w.kind != RawRequest && !upgraded(f) {
		if err := whole(&f.ResponseBody, it.Bodies[flow.ToClient], flow.ToClient); err != nil {
			return err
		}
	}
	if w.kind != RawResponse {
		if err := w.rawRequest(it); err != nil {
			return err
		}
		w.secret(secretFields(f.Request.Fields)...)
		w.secret(secretQuery(f.Request.Path)...)
	}
	if w.kind == Raw && response != nil {
		w.out.WriteString("\r\n\r\n")
	}
	if w.kind != RawRequest && response != nil {
		if err := w.rawResponse(it); err != nil {
			return err
		}
		w.secret(secretFields(response.Fields)...)
	}
	w.count++
	return nil
}

func upgraded(f *flow.Flow) bool { return f.Response != nil && f.Response.Status == 101 }

func (w *Writer) rawRequest(it *format.Item) error {
	r := it.Flow.Request
	line := r.Wire
	if line == "" || r.Version >= flow.HTTP2 {
		target := r.Path
		switch r.Form {
		case flow.AbsoluteForm:
			target = r.DisplayURL()
		case flow.AuthorityForm:
			target = r.Address()
		}
		line = r.Method + " " + target + " " + overHTTP1(r.Version).String()
	}
	w.out.WriteString(line + "\r\n")
	if r.Version >= flow.HTTP2 && !r.Fields.Has("Host") && r.Authority != "" {
		w.out.WriteString("Host: " + r.Authority + "\r\n")
	}
	body := it.Bodies[flow.ToServer]
	if upgraded(it.Flow) {
		body = nil
	}
	return w.rawRest(&r.Message, body, false)
}

func (w *Writer) rawResponse(it *format.Item) error {
	r := it.Flow.Response
	line := r.Wire
	if line == "" || r.Version >= flow.HTTP2 {
		line = fmt.Sprintf("%s %03d %s", overHTTP1(r.Version), r.Status, r.Reason)
	}
	w.out.WriteString(line + "\r\n")
	body := it.Bodies[flow.ToClient]
	if upgraded(it.Flow) {
		body = nil
	}
	bodiless := upgraded(it.Flow) || r.Status < 200 || r.Status == 204 || r.Status == 304 || it.Flow.Request != nil && it.Flow.Request.Method == "HEAD"
	return w.rawRest(&r.Message, body, bodiless)
}

// overHTTP1 is the version that stands in an HTTP/1 head.
func overHTTP1(v flow.Version) flow.Version {
	if v == flow.HTTP10 {
		return v
	}
	return flow.HTTP11
}

// rawRest writes fields and body. Later versions frame the body in ways of their
// own: it gets a length, or chunks where trailers follow.
func (w *Writer) rawRest(m *flow.Message, body format.Body, bodiless bool) error {
	chunked := m.Fields.HasToken("Transfer-Encoding", "chunked")
	for _, f := range m.Fields {
		w.out.WriteString(f.Line() + "\r\n")
	}
	size := int64(0)
	if body != nil && !bodiless {
		size = body.Size()
	}
	if m.Version >= flow.HTTP2 && !bodiless && !chunked {
		switch {
		case len(m.Trailers) > 0:
			chunked = true
			w.out.WriteString("Transfer-Encoding: chunked\r\n")
		case size > 0 && !m.Fields.Has("Content-Length"):
			w.out.WriteString("Content-Length: " + strconv.FormatInt(size, 10) + "\r\n")
		}
	}
	if _, err := w.out.WriteString("\r\n"); err != nil || bodiless {
		return err
	}
	if !chunked {
		if size == 0 {
			return nil
		}
		return copyBody(w.out, body)
	}
	buf := make([]byte, rawChunk)
	for off := int64(0); off < size; {
		n, err := body.ReadAt(buf[:min(rawChunk, size-off)], off)
		if n == 0 {
			if err == nil || err == io.EOF {
				err = io.ErrUnexpectedEOF
			}
			return fmt.Errorf("read its body: %w", err)
		}
		fmt.Fprintf(w.out, "%x\r\n", n)
		w.out.Write(buf[:n])
		w.out.WriteString("\r\n")
		off += int64(n)
	}
	w.out.WriteString("0\r\n")
	for _, f := range m.Trailers {
		w.out.WriteString(f.Line() + "\r\n")
	}
	_, err := w.out.WriteString("\r\n")
	return err
}
