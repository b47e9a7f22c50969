package view

import (
	"io"
	"io/fs"
	"strings"
	"testing"
	"testing/fstest"

	"midstream/flow"
)

const shopProto = `syntax = "proto3";
package shop.v1;
import "money.proto";
import "google/protobuf/timestamp.proto";
message Order { uint32 number = 1; string item_name = 2; shop.v1.Money price = 3; google.protobuf.Timestamp at = 4; }
message Answer { bool ok = 1; }
service Orders { rpc Place(Order) returns (Answer); }
`

func compiled(t *testing.T) *Schema {
	t.Helper()
	files := fstest.MapFS{
		"shop.proto":  {Data: []byte(shopProto)},
		"money.proto": {Data: []byte("syntax = \"proto3\";\npackage shop.v1;\nmessage Money { int64 cents = 1; }\n")},
	}
	s, err := Compile(t.Context(), "shop.proto", func(name string) (io.ReadCloser, error) { return files.Open(name) })
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestSchema(t *testing.T) {
	s := compiled(t)
	order := "\x08\x07\x12\x03tea\x1a\x02\x08\x63\x22\x02\x08\x3c\x50\x01"
	want := `# shop.v1.Order
{
  "number": 7,
  "item_name": "tea",
  "price": {
    "cents": "99"
  },
  "at": "1970-01-01T00:01:00Z"
}
# fields that the definitions do not have
10: 1`
	in := typedInput(`application/x-protobuf; messageType="shop.v1.Order"`, order)
	in.Schema = s
	if got := strings.Join(show(t, in, Auto).Lines, "\n"); got != want {
		t.Errorf("by its type:\n%s\nwant\n%s", got, want)
	}
	for _, side := range []flow.Side{flow.ToServer, flow.ToClient} {
		body, want := order, "# message 1, 17 bytes\n"+want
		if side == flow.ToClient {
			body, want = "\x08\x01", "# message 1, 2 bytes\n# shop.v1.Answer\n{\n  \"ok\": true\n}"
		}
		in := typedInput("application/grpc", "\x00\x00\x00\x00"+string(rune(len(body)))+body)
		in.Schema, in.Path, in.Side = s, "/shop.v1.Orders/Place", side
		if got := strings.Join(show(t, in, Auto).Lines, "\n"); got != want {
			t.Errorf("by its method, %v:\n%s\nwant\n%s", side, got, want)
		}
	}
	in = typedInput("application/x-protobuf", order) // two types: none is sure
	in.Schema = s
	if got := show(t, in, Auto).Lines[0]; got != "1: 7" {
		t.Errorf("without a type: %s", got)
	}
	in = typedInput("application/x-protobuf; proto=shop.v1.Order", "\x08")
	in.Schema = s
	if r := show(t, in, "protobuf"); len(r.Notes) != 2 || !strings.HasPrefix(r.Notes[0], "it is no shop.v1.Order") {
		t.Errorf("damaged: %q", r.Notes)
	}
}

func TestSchemaErrorsHaveTheirPlace(t *testing.T) {
	_, err := Compile(t.Context(), "a.proto", func(name string) (io.ReadCloser, error) {
		if name != "a.proto" {
			return nil, fs.ErrNotExist
		}
		return io.NopCloser(strings.NewReader("syntax = \"proto3\";\nmessage A { strin x = 1; }\n")), nil
	})
	if err == nil || !strings.HasPrefix(err.Error(), "read the protobuf definitions a.proto: a.proto:2:13: ") {
		t.Error(err)
	}
}

func FuzzCompile(f *testing.F) {
	f.Add(shopProto)
	f.Add("syntax = \"proto2\"; message A { optional group B = 1 { } extensions 5 to max; }")
	f.Fuzz(func(t *testing.T, text string) {
		_, _ = Compile(t.Context(), "a.proto", func(name string) (io.ReadCloser, error) { // it must not panic
			if name != "a.proto" {
				return nil, fs.ErrNotExist
			}
			return io.NopCloser(strings.NewReader(text)), nil
		})
	})
}
