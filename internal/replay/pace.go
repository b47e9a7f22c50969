package replay

import (
	"errors"
	"fmt"
	"math"
	"strconv"
	"time"

	"midstream/flow"
	"midstream/internal/message"
)

// Speed is how fast message streams are replayed, as a multiple of how fast they
// were recorded; 0 makes no pauses.
type Speed float64

// ParseSpeed reads a number above 0, as "1" or "0.5", or "max".
func ParseSpeed(text string) (Speed, error) {
	if text == "max" {
		return 0, nil
	}
	n, err := strconv.ParseFloat(text, 64)
	if err != nil || n <= 0 || math.IsInf(n, 0) || math.IsNaN(n) {
		return 0, fmt.Errorf("%q is no speed: give a number above 0, as 1 or 2.5, or max", text)
	}
	return Speed(n), nil
}

// longest bounds one pause, whatever a file says.
const longest = 24 * time.Hour

// pause is what d was takes at speed s.
func (s Speed) pause(d time.Duration) time.Duration {
	if s <= 0 || d <= 0 {
		return 0
	}
	return time.Duration(min(float64(d)/float64(s), float64(longest)))
}

// flowing tells whether a body is a stream of messages, whose times are part of
// what it says.
func flowing(m *flow.Message) bool {
	kind, _ := message.Of(m.Fields.Joined("Content-Type"))
	return kind != message.None
}

// errEnded is why a wait ended that nobody cancelled with a cause.
var errEnded = errors.New("the replay has ended")

// errShort is how a recording ends that was cut.
var errShort = errors.New("the recorded connection ends here, without a closing handshake")
