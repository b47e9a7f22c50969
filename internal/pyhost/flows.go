package pyhost

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"midstream/flow"
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
	// Recorded gives the newest flows of the session, or the one of an ID, as a flow
	// file, and tells which of them still run. It leaves out what would make it larger
	// than limit octets, the oldest first.
	Recorded(ctx context.Context, id flow.ID, most int, limit int64) (file []byte, running []Running, err error)
	// Note sets "marked" or "comment" of a flow of the session; one that runs gets it
	// when it has ended.
	Note(ctx context.Context, id flow.ID, what, value string) error
	// Kill ends a flow that runs.
	Kill(ctx context.Context, id flow.ID) error
	// Resume lets a flow go on that midstream itself holds.
	Resume(ctx context.Context, id flow.ID) error
}

// Running is a flow that has not ended.
type Running struct {
	ID   flow.ID
	Held bool // by midstream itself, as the option intercept has it
}

// mostRecorded bounds the flows that a command is given of the session.
const mostRecorded = 1000

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

// send is replay of what the script waits for: done is called when it has ended.
func (h *Host) send(raw []byte, done func()) error {
	if h.config.Flows == nil {
		return errNoFlows
	}
	send, err := h.config.Flows.Replay(h.replays.context(h), "", raw)
	if err != nil {
		return err
	}
	return h.replays.add(h, func(ctx context.Context) {
		send(ctx)
		done()
	})
}

// act kills a flow that the process was not told of, or lets one go on.
func (h *Host) act(m *message) error {
	if h.config.Flows == nil {
		return errNoFlows
	}
	id, err := flow.ParseID(m.Flow)
	if err != nil {
		return fmt.Errorf("%s a flow: %w", m.Name, err)
	}
	if m.Name == "kill" {
		return h.config.Flows.Kill(context.Background(), id)
	}
	return h.config.Flows.Resume(context.Background(), id)
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

// recorded gives flows as a file, and which of them run: ID, and whether it is held.
func (h *Host) recorded(m *message) (running [][]any, file []byte, err error) {
	if h.config.Flows == nil {
		return nil, nil, errNoFlows
	}
	var id flow.ID
	if m.Flow != "" {
		if id, err = flow.ParseID(m.Flow); err != nil {
			return nil, nil, fmt.Errorf("read a recorded flow: %w", err)
		}
	}
	file, run, err := h.config.Flows.Recorded(context.Background(), id, mostRecorded, h.config.ContentLimit)
	for _, r := range run {
		running = append(running, []any{r.ID.String(), r.Held})
	}
	return running, file, err
}

// noteRecorded marks or comments a flow that the process was not told of.
func (h *Host) noteRecorded(m *message) error {
	if h.config.Flows == nil {
		return errNoFlows
	}
	id, err := flow.ParseID(m.Flow)
	if err != nil {
		return fmt.Errorf("change a recorded flow: %w", err)
	}
	var value string
	if err := json.Unmarshal(m.Value, &value); err != nil {
		return fmt.Errorf("change a recorded flow: %w", err)
	}
	return h.config.Flows.Note(context.Background(), id, m.Name, value)
}
