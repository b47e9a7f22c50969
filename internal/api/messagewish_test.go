package api

import (
	"fmt"
	"io"
	"net/http"
	"testing"
)

func TestOnlyTheMessagesThatAreMeant(t *testing.T) {
	r := newRig(t, func(w http.ResponseWriter, req *http.Request) {
		w.Header().Set("Content-Type", "text/event-stream")
		for i := range 300 {
			switch {
			case i%100 == 7:
				fmt.Fprintf(w, "event: odd\ndata: a Needle %d\n\n", i)
			case i%10 == 0:
				io.WriteString(w, ": ping\n\n")
			default:
				fmt.Fprintf(w, "data: hay %d\n\n", i)
			}
		}
	})
	r.through("/events")
	type page struct {
		Messages []struct{ Index int64 }
		More     bool
		Next     int64
	}
	for _, c := range []struct {
		query string
		n     int
		first int64
		more  bool
		next  int64
	}{
		{"find=needle", 3, 7, false, 300},
		{"find=needle&n=2", 2, 7, true, 108},
		{"find=needle&from=108", 1, 207, false, 300},
		{"kind=odd", 3, 7, false, 300},
		{"kind=comment", 30, 0, false, 300},
		{"quiet=1&n=1000", 270, 1, false, 300},
		{"find=hay+299", 1, 299, false, 300},
		{"sender=client", 0, 0, false, 300},
	} {
		var got page
		if code := r.call("GET", "/flows/1/response/messages?"+c.query, "", &got); code != 200 {
			t.Fatal(c.query, code)
		}
		if len(got.Messages) != c.n || got.More != c.more || got.Next != c.next || c.n > 0 && got.Messages[0].Index != c.first {
			t.Errorf("%s: %d messages, more %v, next %d", c.query, len(got.Messages), got.More, got.Next)
		}
	}
}
