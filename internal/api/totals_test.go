package api

import "testing"

// A view counts the flows of the session, those that it does not have too; and the
// session has a size from its first flow on.
func TestAViewCountsAllFlows(t *testing.T) {
	r := newRig(t, nil)
	v := r.view(`{"filter":"~u /wanted"}`)
	next := r.feedOf(v.ID)
	next("position", &v)
	r.through("/a")
	r.through("/b")
	var b Batch
	for next("batch", &b); b.Of < 2; next("batch", &b) {
	}
	if b.Total != 0 || b.Appended != 0 || b.Shifted || len(b.Rows) != 0 {
		t.Errorf("%+v", b)
	}
	r.through("/wanted")
	for next("batch", &b); b.Total != 1; next("batch", &b) {
	}
	if b.Of != 3 {
		t.Errorf("%+v", b)
	}
	r.call("GET", "/views/"+v.ID, "", &v)
	if v.Of != 3 || v.Total != 1 {
		t.Errorf("%+v", v)
	}
	var st State
	for r.call("GET", "/state", "", &st); st.Session.Size == 0; r.call("GET", "/state", "", &st) {
	}
	var stats Stats
	if r.call("GET", "/stats", "", &stats); stats.SessionSize < st.Session.Size {
		t.Errorf("%d, and before %d", stats.SessionSize, st.Session.Size)
	}
}
