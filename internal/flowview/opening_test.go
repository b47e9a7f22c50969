package flowview

import (
	"encoding/json"
	"strings"
	"testing"

	"midstream/flow"
)

func TestHowAClientOpenedItsConnectionIsShown(t *testing.T) {
	f := &flow.Flow{
		Client: &flow.Conn{HTTP2: &flow.Opening{
			Settings: []flow.Setting{{ID: 1, Value: 65536}, {ID: 0x5a5a, Value: 7}}, Window: 12517377,
			Priorities: []flow.Priority{{Stream: 3, Weight: 200}},
		}},
		Request: &flow.Request{Message: flow.Message{Version: flow.HTTP2, Fields: flow.Fields{{Name: "x-token", Value: "v", NeverIndexed: true}}},
			Method: "GET", Scheme: "https", Host: "a.test", Port: 443, Path: "/", Pseudos: "mpas", Priority: &flow.Priority{DependsOn: 3, Exclusive: true, Weight: 255}},
	}
	var page, text strings.Builder
	if err := Page(&page, f); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		"HTTP/2 settings: HEADER_TABLE_SIZE 65536, 0x5a5a 7\n",
		"HTTP/2 window update: 12517377\n",
		"HTTP/2 priority: stream 3 depends on 0, weight 201\n",
		"HTTP/2 fingerprint: 1:65536;23130:7|12517377|3:0:0:201|m,p,a,s\n",
		"  pseudo-fields in the order :method :path :authority :scheme\n",
		"  priority: depends on 3, weight 256, exclusively\n",
		"  never indexed: x-token\n",
	} {
		if !strings.Contains(page.String(), want) {
			t.Errorf("the page has no %q:\n%s", want, page.String())
		}
	}
	if err := PageJSON(&text, f, nil); err != nil {
		t.Fatal(err)
	}
	var j struct {
		Client struct {
			HTTP2 struct {
				Settings []struct {
					ID, Value int
					Name      string
				}
				WindowUpdate int `json:"window_update"`
				Priorities   []struct{ Stream, Weight int }
				Fingerprint  string
			}
		}
		Request struct {
			Pseudo   []string `json:"pseudo_fields"`
			Never    []string `json:"never_indexed"`
			Priority struct {
				DependsOn int `json:"depends_on"`
				Exclusive bool
				Weight    int
			}
		}
	}
	if err := json.Unmarshal([]byte(text.String()), &j); err != nil {
		t.Fatal(err)
	}
	h, r := j.Client.HTTP2, j.Request
	if len(h.Settings) != 2 || h.Settings[1].Name != "0x5a5a" || h.Settings[0].Value != 65536 || h.WindowUpdate != 12517377 ||
		len(h.Priorities) != 1 || h.Priorities[0].Weight != 201 || h.Fingerprint != f.Client.HTTP2.Fingerprint("mpas") {
		t.Errorf("%+v", h)
	}
	if strings.Join(r.Pseudo, " ") != ":method :path :authority :scheme" || len(r.Never) != 1 || r.Priority.Weight != 256 || !r.Priority.Exclusive {
		t.Errorf("%+v", r)
	}
}
