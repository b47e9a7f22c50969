package mitm

import (
	"errors"
	"fmt"
	"io"

	"midstream/flow"
	"midstream/internal/format"
	"midstream/internal/format/tnet"
)

// maxHandshakes bounds the handshakes that wait for the flow of their
// WebSocket, which stood apart before version 12.
const maxHandshakes = 256

// maxHeld bounds each value of such a handshake that stays in memory, in octets.
const maxHeld = 16 << 10

// Reader reads the flows of a file one by one. The zero value has none until
// Continue is called.
type Reader struct {
	src        io.ReaderAt
	at, size   int64
	count      int
	tries      int // how often a flow was looked for behind damage
	handshakes map[string]tnet.Value
}

// NewReader reads the size octets of src.
func NewReader(src io.ReaderAt, size int64) *Reader {
	return &Reader{src: src, size: size}
}

// Continue goes on with another source, which holds the flows that follow.
func (r *Reader) Continue(src io.ReaderAt, size int64) { r.src, r.at, r.size = src, 0, size }

// Offset is how far the file has been read, in octets.
func (r *Reader) Offset() int64 { return r.at }

// Next returns the next flow, io.EOF behind the last one. Another error says
// which flow is damaged and where it stands; it may come together with an item:
// what is left of a flow that is cut off. A Damaged can be passed over: call
// Next again. Any other ends the file.
func (r *Reader) Next() (*format.Item, error) {
	if r.at >= r.size {
		return nil, io.EOF
	}
	from := r.at
	r.count++
	v, next, err := tnet.Parse(r.src, r.at, r.size)
	r.at = next
	if err != nil {
		return r.damaged(from, v, err)
	}
	it, err := r.item(&v)
	if err != nil {
		return it, &Damaged{Flow: r.count, Offset: from, Err: err}
	}
	return it, nil
}

// damaged returns what is left of a flow that cannot be read, and finds the next one.
// v is what there is of it where the file ends inside it.
func (r *Reader) damaged(from int64, v tnet.Value, err error) (*format.Item, error) {
	text := "the file ends inside this flow"
	var more bool
	if r.at, more = r.resume(from); more {
		// One that was cut off when another was added: up to there it can be whole.
		var cut error
		if v, _, cut = tnet.Parse(r.src, from, r.at); !errors.Is(cut, tnet.ErrCut) {
			v = tnet.Value{}
		}
		text = "the next flow begins inside this one"
		err = &Damaged{Flow: r.count, Offset: from, Err: fmt.Errorf("%w; the next flow is at byte %d", err, r.at)}
	} else {
		r.at = r.size
		err = fmt.Errorf("flow %d, at byte %d of the file: %w", r.count, from, err)
	}
	if v.Key("version") == nil || v.Key("type") == nil {
		return nil, err
	}
	it, _ := r.item(&v)
	if it == nil {
		return nil, err
	}
	it.Lost = append(it.Lost, "the flow is cut off")
	it.Flow.Outcome = flow.Outcome{Kind: flow.Interrupt, Text: text}
	return it, err
}

// Damaged is an element of a file that is no flow that can be read.
type Damaged struct {
	Flow   int   // which one, from 1
	Offset int64 // where it begins
	Err    error
}

func (d *Damaged) Error() string {
	return fmt.Sprintf("flow %d, at byte %d of the file: %v", d.Flow, d.Offset, d.Err)
}

func (d *Damaged) Unwrap() error { return d.Err }

// item makes an Item of a flow of any version; an error may come with one.
func (r *Reader) item(v *tnet.Value) (*format.Item, error) {
	own := text(v, "id")
	if err := r.join(v); err != nil {
		return nil, err
	}
	lost, err := upgrade(v)
	if err != nil {
		return nil, err
	}
	it, cut := item(v)
	if it == nil {
		return nil, cut
	}
	if err := carry(v, it); err != nil {
		return nil, err
	}
	if text(v, "id") != own && own != "" {
		it.Flow.ID = idOf(own)
	}
	it.Lost = append(it.Lost, lost...)
	return it, cut
}

// join makes of a WebSocket that stands apart from its handshake, as before
// version 12, a flow with both.
func (r *Reader) join(v *tnet.Value) error {
	meta := v.Key("metadata")
	if n, _ := v.Key("version").Int(); n >= 12 {
		return nil
	}
	if meta.Key("websocket") != nil && len(r.handshakes) < maxHandshakes {
		if r.handshakes == nil {
			r.handshakes = map[string]tnet.Value{}
		}
		// What it was read from may be gone when its WebSocket comes.
		if err := v.Hold(maxHeld); err != nil {
			return err
		}
		r.handshakes[text(v, "id")] = *v
	}
	if text(v, "type") != "websocket" && meta.Key("websocket_handshake") == nil {
		return nil
	}
	handshake, ok := r.handshakes[text(meta, "websocket_handshake")]
	note := "the handshake of this WebSocket stands before it as a flow of its own"
	if !ok {
		note = "the handshake of this WebSocket is not in the file"
		handshake = tnet.NewDict(v.Entries()...)
		for _, k := range webSocketKeys {
			handshake.Remove(k)
		}
		handshake.Set("request", unknownHandshake(v))
		handshake.Set("response", tnet.Value{})
	}
	delete(r.handshakes, text(meta, "websocket_handshake"))
	ws := *v
	*v = tnet.NewDict(handshake.Entries()...)
	v.Set("type", tnet.NewText("http"))
	closing := tnet.NewDict(pair{Key: "closed_by_client", Value: tnet.NewBool(text(&ws, "close_sender") == "client")})
	for from, to := range map[string]string{"messages": "messages", "close_code": "close_code", "close_reason": "close_reason"} {
		if x := ws.Key(from); x != nil {
			closing.Set(to, *x)
		}
	}
	closing.Set("timestamp_end", tnet.Value{})
	if end := ws.Key("server_conn").Key("timestamp_end"); end != nil {
		closing.Set("timestamp_end", *end)
	}
	v.Set("websocket", closing)
	m := tnet.NewDict(meta.Entries()...)
	m.Remove("websocket_handshake")
	m.Set("duplicated", tnet.NewText(note))
	v.Set("metadata", m)
	return nil
}

// webSocketKeys are what a WebSocket that stands apart has beyond a flow.
var webSocketKeys = []string{"messages", "close_sender", "close_code", "close_message", "close_reason", "client_key", "client_protocol",
	"client_extensions", "server_accept", "server_protocol", "server_extensions"}

// unknownHandshake is the request of a WebSocket whose handshake nobody has.
func unknownHandshake(ws *tnet.Value) tnet.Value {
	at := tnet.NewFloat(0)
	if start := ws.Key("client_conn").Key("timestamp_start"); !start.IsNull() {
		at = *start
	}
	host, port, scheme := tnet.NewText("unknown"), tnet.NewInt(80), "http"
	if a, err := ws.Key("server_conn").Key("address").Items(4); err == nil && len(a) >= 2 {
		host, port = *a[0], *a[1]
	}
	if on, _ := ws.Key("server_conn").Key("tls_established").Bool(); on {
		scheme = "https"
	}
	return tnet.NewDict(
		pair{Key: "http_version", Value: tnet.NewOctets("HTTP/1.1")}, pair{Key: "method", Value: tnet.NewOctets("GET")},
		pair{Key: "scheme", Value: tnet.NewOctets(scheme)}, pair{Key: "host", Value: host}, pair{Key: "port", Value: port},
		pair{Key: "path", Value: tnet.NewOctets("/")}, pair{Key: "authority", Value: tnet.NewOctets("")}, pair{Key: "headers", Value: tnet.NewList()},
		pair{Key: "content", Value: tnet.Value{}}, pair{Key: "trailers", Value: tnet.Value{}},
		pair{Key: "timestamp_start", Value: at}, pair{Key: "timestamp_end", Value: at})
}
