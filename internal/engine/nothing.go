package engine

import (
	"errors"
	"io"
	"time"

	"midstream/flow"
)

// nothing is the record of a flow that nobody keeps.
type nothing struct{}

var _ Record = nothing{}

func (nothing) Number() uint64                       { return 0 }
func (nothing) Head(*flow.Flow, flow.Side)           {}
func (nothing) Interim(*flow.Response)               {}
func (nothing) PieceAt(flow.Side, []byte, time.Time) {}
func (nothing) Mark(flow.Side, flow.Mark)            {}
func (nothing) Drop(flow.Side)                       {}
func (nothing) End(*flow.Flow)                       {}

func (nothing) State(flow.Side) (flow.Record, int64, string) { return flow.Unrecorded, 0, "" }
func (nothing) Open(flow.Side) (io.ReadCloser, error) {
	return nil, errors.New("open body: flows are not recorded")
}
