package pyhost

import (
	"context"
	"errors"
)

// Flows does with flows what commands of scripts ask for. Flows come as the octets of
// a flow file, or of any other kind that midstream reads.
type Flows interface {
	// Replay opens flows, of the file at path where it is not empty, and returns what
	// sends their requests again; that is called once, and ends with its context.
	Replay(ctx context.Context, path string, file []byte) (send func(context.Context), err error)
	// Convert writes flows as another kind: mitm, har, curl and others.
	Convert(ctx context.Context, file []byte, to string) ([]byte, error)
	// Record adds flows to the session.
	Record(ctx context.Context, file []byte) error
}

// mostReplays bounds the calls of replay.client that wait for their turn.
const mostReplays = 1000

var errNoFlows = errors.New("this midstream can do nothing with flows of scripts")

// replay puts what a script wants sent again at the end of the queue. It is sent one
// after another, as client_replay_concurrency=1 has it.
func (h *Host) replay(m *message, raw []byte) error {
	if h.config.Flows == nil {
		return errNoFlows
	}
	send, err := h.config.Flows.Replay(h.replays.context(h), m.Name, raw)
	if err != nil {
		return err
	}
	return h.replays.add(h, send)
}

func (h *Host) convert(m *message, raw []byte) ([]byte, error) {
	if h.config.Flows == nil {
		return nil, errNoFlows
	}
	return h.config.Flows.Convert(context.Background(), raw, m.Name)
}

func (h *Host) record(raw []byte) error {
	if h.config.Flows == nil {
		return errNoFlows
	}
	return h.config.Flows.Record(context.Background(), raw)
}
