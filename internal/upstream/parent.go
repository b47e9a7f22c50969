package upstream

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httputil"
	"strconv"
	"strings"
	"time"

	"midstream/flow"
	"midstream/internal/transport"
)

// Bounds of what a parent proxy may say and take for one CONNECT.
const (
	// parentTimeout is longer than a parent's own dial takes.
	parentTimeout = 90 * time.Second
	maxParentHead = 64 << 10
	maxParentBody = 256 << 10
	// maxAsked bounds the CONNECTs of one dial: without credentials, with them, and
	// once more where the parent says that they are too old.
	maxAsked = 3
)

// reach connects to where t leads: to the server, or to the parent, with a tunnel
// to the server through it unless requests are to be forwarded.
func (d *Dialer) reach(ctx context.Context, t Target) (*transport.Conn, error) {
	if t.Via == nil {
		nc, err := d.connect(ctx, t.Address, "connect to server "+cut(t.Address)+": ")
		if err != nil {
			return nil, err
		}
		return transport.New(nc), nil
	}
	ctx, cancel := context.WithTimeoutCause(ctx, parentTimeout, errTooSlow)
	defer cancel()
	what := "connect to server " + cut(t.Address) + " through parent proxy " + t.Via.String() + ": "
	if _, _, bad := checkAddress(t.Address, what); bad != nil {
		return nil, bad
	}
	if t.Forward && t.handshake == "" {
		return d.dialParent(ctx, t.Via, what)
	}
	k := &knock{d: d, via: t.Via, address: t.Address, what: what, forward: t.Forward, change: t.fields}
	for {
		c, err := d.dialParent(ctx, t.Via, what)
		if err != nil {
			return nil, err
		}
		stop := context.AfterFunc(ctx, func() { c.SetDeadline(past) })
		again, err := k.onConnection(c)
		if err == nil && !again {
			if stop() {
				c.SetDeadline(time.Time{})
				return c, nil
			}
			err = context.Cause(ctx)
		}
		stop()
		c.Reset()
		if err != nil {
			return nil, k.describe(ctx, err)
		}
	}
}

// dialParent connects to the parent itself, over TLS where it wants that.
func (d *Dialer) dialParent(ctx context.Context, via *flow.Via, what string) (*transport.Conn, error) {
	nc, err := d.connect(ctx, via.Address(), what)
	if err != nil {
		return nil, err
	}
	c := transport.New(nc)
	if via.Scheme != "https" {
		return c, nil
	}
	cfg := d.now().tls.Clone()
	cfg.ServerName, cfg.NextProtos = via.Host, http1Only
	within, cancel := context.WithTimeoutCause(ctx, d.cfg.HandshakeTimeout, errTooSlow)
	defer cancel()
	secured, err := c.TLSClient(within, cfg)
	if err != nil {
		err = d.describeHandshake(within, "parent proxy "+via.String(), via.Host, "", err)
		c.Reset()
		return nil, err
	}
	return secured, nil
}

// past is a deadline that has gone by: it interrupts what waits.
var past = time.Unix(1, 0)

// knock is one CONNECT to a parent proxy, asked until it is granted or refused, or
// a question to itself that stands for the requests which it is to forward.
type knock struct {
	d       *Dialer
	via     *flow.Via
	address string
	forward bool
	what    string // what errors begin with
	change  func(flow.Fields) flow.Fields
	asked   int
	learned bool // it has answered 407
}

// onConnection asks on one connection. again means that the parent has closed it,
// or is about to, and another one has to be asked on.
func (k *knock) onConnection(c *transport.Conn) (again bool, _ error) {
	var shake *handshake
	field := ""
	for {
		if k.asked++; k.asked > maxAsked {
			return false, k.refused("it asks for credentials again and again; check upstream_auth")
		}
		switch scheme := k.d.answers.handshake(*k.via); {
		case shake != nil:
		case scheme != "":
			shake = &handshake{scheme: scheme, via: k.via}
			var err error
			if field, err = shake.begin(); err != nil {
				return false, k.refused(err.Error())
			}
		default:
			field = k.d.answers.field(*k.via, "CONNECT", k.address)
		}
		if _, err := c.Write(k.request(field)); err != nil {
			return false, err
		}
		head, err := readParentHead(c)
		if err != nil {
			if k.asked > 1 && errors.Is(err, io.EOF) {
				return true, nil // it closed after its 407, whatever it said
			}
			return false, err
		}
		switch {
		case head.StatusCode/100 == 2 && !k.forward:
			return false, nil
		case head.StatusCode != 407 && k.forward:
			return head.Close || !drainParent(c, head), nil
		case head.StatusCode != 407:
			return false, k.refused("it answered " + cut(printable(head.Status)))
		}
		if shake != nil && shake.said == 1 {
			if field, err = shake.answer(head.Header); err != nil {
				return false, k.refused(err.Error())
			}
			if head.Close || !drainParent(c, head) {
				return false, k.refused("it closed the connection inside the handshake for the credentials")
			}
			continue
		}
		if err := k.learn(head.Header, field != ""); err != nil {
			return false, err
		}
		if head.Close || !drainParent(c, head) {
			return true, nil
		}
	}
}

// learn takes the challenges of a 407.
func (k *knock) learn(h http.Header, offered bool) error {
	if e := k.d.challenged(k.via, parseChallenges(h.Values("Proxy-Authenticate")), offered && k.learned); e != "" {
		return k.refused(e)
	}
	k.learned = true
	return nil
}

// challenged takes the challenges of a parent; it returns why there is no use in
// asking again, "" where there is one. answered tells that its last challenge was
// answered.
func (d *Dialer) challenged(via *flow.Via, list []challenge, answered bool) string {
	if via.User == "" && via.Password == "" {
		return "it wants credentials (407); give them with upstream_auth"
	}
	unmet, stale := d.answers.learn(*via, list)
	switch {
	case len(list) == 0:
		return "it wants credentials (407) and does not say how"
	case unmet != "":
		return "it takes credentials by " + cut(printable(unmet)) + " only; there are Basic, Digest and NTLM"
	case answered && !stale:
		return "it does not take the credentials (407); check upstream_auth"
	}
	return ""
}

// request is the head of the CONNECT (RFC 9110 section 9.3.6), or of an OPTIONS that
// goes no further than the parent (section 7.6.2).
func (k *knock) request(field string) []byte {
	var b bytes.Buffer
	if k.forward {
		b.WriteString("OPTIONS http://" + k.address + " HTTP/1.1\r\nMax-Forwards: 0\r\n")
	} else {
		b.WriteString("CONNECT " + k.address + " HTTP/1.1\r\n")
	}
	var fields flow.Fields
	if k.forward || !k.d.now().ConnectWithoutHost {
		fields.Add("Host", k.address)
	}
	if field != "" {
		fields.Add("Proxy-Authorization", field)
	}
	if k.change != nil && !k.forward {
		fields = k.change(fields)
	}
	for _, f := range fields {
		b.WriteString(f.Name + ": " + f.Value + "\r\n")
	}
	b.WriteString("\r\n")
	return b.Bytes()
}

func (k *knock) refused(text string) *flow.Error {
	return dialError(flow.NoConnection, "%s%s", k.what, text)
}

// describe says what ended a CONNECT.
func (k *knock) describe(ctx context.Context, err error) error {
	if e, ok := errors.AsType[*flow.Error](err); ok {
		return e
	}
	if cause := context.Cause(ctx); cause != nil {
		if e, ok := errors.AsType[*flow.Error](cause); ok {
			return e
		}
		if errors.Is(cause, errTooSlow) {
			return dialError(flow.Timeout, "%sit did not answer CONNECT within %v", k.what, parentTimeout)
		}
		return dialError(flow.LeftByClient, "%sgiven up: %w", k.what, cause)
	}
	switch {
	case isReset(err):
		return dialError(flow.ResetByPeer, "%sit reset the connection", k.what)
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		return dialError(flow.ClosedEarly, "%sit closed the connection in place of an answer to CONNECT", k.what)
	}
	return dialError(flow.Malformed, "%sits answer to CONNECT: %w", k.what, err)
}

// readParentHead reads the head of a final response and not an octet more: what
// follows may be the server's.
func readParentHead(c *transport.Conn) (*http.Response, error) {
	for {
		text, err := readBlock(c)
		if err != nil {
			return nil, err
		}
		head, err := http.ReadResponse(bufio.NewReader(bytes.NewReader(text)), &http.Request{Method: "CONNECT"})
		if err != nil {
			return nil, notHTTP(text)
		}
		head.Body.Close()
		// No CONNECT asks for a switch of protocols: behind 101 comes no other answer.
		if head.StatusCode/100 != 1 || head.StatusCode == http.StatusSwitchingProtocols {
			return head, nil
		}
	}
}

func notHTTP(text []byte) error {
	return errors.New("it is not HTTP: " + strconv.Quote(cut(string(text))))
}

func readBlock(c *transport.Conn) ([]byte, error) {
	var text []byte
	for {
		n := 1
		if c.TLS() == nil {
			p, err := c.Peek(1, 4<<10)
			if err != nil {
				return nil, err
			}
			n = untilBlank(text, p)
		}
		at := len(text)
		text = append(text, make([]byte, n)...)
		if _, err := io.ReadFull(c, text[at:]); err != nil {
			return nil, err
		}
		if ended(text) {
			return text, nil
		}
		if n := min(len(text), len("HTTP/")); string(text[:n]) != "HTTP/"[:n] {
			return nil, notHTTP(text) // who speaks something else may wait for us now
		}
		if len(text) > maxParentHead {
			return nil, errors.New("its head is larger than 64 KiB")
		}
	}
}

// untilBlank tells how many octets of p belong to the block that text begins: up to
// its blank line.
func untilBlank(text, p []byte) int {
	tail := text[max(0, len(text)-3):]
	joined := append(append(make([]byte, 0, len(tail)+len(p)), tail...), p...)
	for i := range p {
		if ended(joined[:len(tail)+i+1]) {
			return i + 1
		}
	}
	return len(p)
}

func ended(text []byte) bool {
	return bytes.HasSuffix(text, []byte("\r\n\r\n")) || bytes.HasSuffix(text, []byte("\n\n"))
}

// drainParent reads the page of a 407, so that the connection can be asked on again;
// false means that it cannot.
func drainParent(c *transport.Conn, head *http.Response) bool {
	if len(head.TransferEncoding) > 0 {
		return drainChunks(bufio.NewReader(io.LimitReader(c, maxParentBody)))
	}
	if head.ContentLength < 0 || head.ContentLength > maxParentBody {
		return false
	}
	_, err := io.CopyN(io.Discard, c, head.ContentLength)
	return err == nil
}

func drainChunks(r *bufio.Reader) bool {
	if _, err := io.Copy(io.Discard, httputil.NewChunkedReader(r)); err != nil {
		return false
	}
	for { // the trailer section
		line, err := r.ReadString('\n')
		if err != nil {
			return false
		}
		if strings.Trim(line, "\r\n") == "" {
			return r.Buffered() == 0
		}
	}
}

// printable leaves out what is no ASCII text.
func printable(s string) string {
	return strings.Map(func(r rune) rune {
		if r < ' ' || r > '~' {
			return -1
		}
		return r
	}, s)
}
