package flow

import "testing"

func TestAnIDIsReadAsItIsWritten(t *testing.T) {
	id := NewID()
	if got, err := ParseID(id.String()); err != nil || got != id {
		t.Errorf("%v read as %v, %v", id, got, err)
	}
	for _, bad := range []string{"", "f395682c", "f395682c-1d82-4cd5-a24c-855dbc4c456", "f395682c+1d82-4cd5-a24c-855dbc4c456b", "z395682c-1d82-4cd5-a24c-855dbc4c456b"} {
		if _, err := ParseID(bad); err == nil {
			t.Errorf("ParseID took %q", bad)
		}
	}
}
