package fault

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"syscall"
	"testing"

	"midstream/flow"
)

func TestCauseOf(t *testing.T) {
	for _, c := range []struct {
		err   error
		cause flow.Cause
		text  string
	}{
		{io.EOF, flow.ClosedEarly, "server closed the connection"},
		{fmt.Errorf("read: %w", io.ErrUnexpectedEOF), flow.ClosedEarly, "server closed the connection"},
		{&net.OpError{Op: "read", Err: os.NewSyscallError("read", syscall.ECONNRESET)}, flow.ResetByPeer, "server reset the connection"},
		{syscall.EPIPE, flow.ResetByPeer, "server reset the connection"},
		{os.ErrDeadlineExceeded, flow.Timeout, "time ran out"},
		{syscall.ETIMEDOUT, flow.Timeout, "server does not answer any more"},
		{net.ErrClosed, flow.Unspecified, "the connection was closed here"},
		{&net.OpError{Op: "remote error", Err: tls.AlertError(116)}, flow.ResetByPeer, "server ended TLS with the alert certificate_required (it wants a client certificate: option client_certs)"},
		{&net.OpError{Op: "remote error", Err: tls.AlertError(80)}, flow.ResetByPeer, "server ended TLS with the alert internal_error"},
		{&net.OpError{Op: "local error", Err: tls.AlertError(20)}, flow.Malformed, "server sent what TLS does not allow: bad_record_mac"},
		{&net.OpError{Op: "local error", Err: tls.AlertError(10)}, flow.Malformed, "server sent what TLS does not allow: unexpected_message (it may want a client certificate after the handshake: try again, or set tls_hello=own)"},
		{errors.New("odd"), flow.ResetByPeer, "odd"},
	} {
		if cause, text := CauseOf(c.err, "server"); cause != c.cause || text != c.text {
			t.Errorf("%v: %v, %q", c.err, cause, text)
		}
	}
}

func TestGivenKeepsAFlowErrorAndSortsOthers(t *testing.T) {
	e := &flow.Error{Cause: flow.WasKilled, Err: errors.New("killed")}
	if got := Given(fmt.Errorf("because: %w", e), flow.AtProxy, flow.InBody, "send"); got != e {
		t.Errorf("got %v", got)
	}
	for cause, want := range map[error]flow.Cause{context.Canceled: flow.NotNeeded, context.DeadlineExceeded: flow.Timeout, io.EOF: flow.Unspecified} {
		if got := Given(cause, flow.AtClient, flow.InBody, "send"); got.Cause != want || !errors.Is(got, cause) || got.Peer != flow.AtClient {
			t.Errorf("%v: %+v", cause, got)
		}
	}
	if got := Given(nil, flow.AtProxy, flow.InHead, "send"); got.Error() != "send: given up" {
		t.Errorf("got %v", got)
	}
}

func TestSayKeepsTheError(t *testing.T) {
	if err := Say("plain words", io.EOF); err.Error() != "plain words" || !errors.Is(err, io.EOF) {
		t.Errorf("got %v", err)
	}
}
