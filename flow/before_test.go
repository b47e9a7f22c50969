package flow

import "testing"

func TestLight(t *testing.T) {
	if f := (&Flow{}); f.Light() != f || f.Before.Kept() != 0 {
		t.Error("a flow that nobody changed")
	}
	f := &Flow{Number: 7, Before: &Before{By: []string{"me"}, RequestBody: &Original{Size: 3, Octets: []byte("abc"), SHA256: []byte("sum")}}}
	l := f.Light()
	if f.Before.Kept() != 3 || l.Before.Kept() != 0 || l.Number != 7 || l.Before.By[0] != "me" || l.Before.RequestBody.Size != 3 || string(l.Before.RequestBody.SHA256) != "sum" {
		t.Errorf("%+v of %+v", l.Before.RequestBody, f.Before.RequestBody)
	}
}
