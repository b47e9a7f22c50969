package view

import (
	"context"
	"fmt"
	"io"
	"path"
	"strings"

	"github.com/bufbuild/protocompile"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/reflect/protoregistry"
	"google.golang.org/protobuf/types/dynamicpb"

	"midstream/flow"
)

// Schema is what .proto files define. A nil Schema defines nothing.
type Schema struct {
	files []protoreflect.FileDescriptor
	types *dynamicpb.Types
}

// Compile reads the definitions in the file name and those that it imports; open
// opens a file by the path that an import has, beside the file first named. The
// standard imports, google/protobuf/*.proto, need no file.
func Compile(ctx context.Context, name string, open func(path string) (io.ReadCloser, error)) (*Schema, error) {
	c := protocompile.Compiler{
		Resolver: protocompile.WithStandardImports(&protocompile.SourceResolver{Accessor: open}),
	}
	files, err := c.Compile(ctx, name)
	if err != nil {
		return nil, fmt.Errorf("read the protobuf definitions %s: %w", name, err)
	}
	registry := &protoregistry.Files{}
	s := &Schema{types: dynamicpb.NewTypes(registry)}
	for _, f := range files {
		if err := register(registry, f); err != nil {
			return nil, fmt.Errorf("read the protobuf definitions %s: %w", name, err)
		}
		s.files = append(s.files, f)
	}
	return s, nil
}

// register adds a file and those that it imports.
func register(r *protoregistry.Files, f protoreflect.FileDescriptor) error {
	if _, err := r.FindFileByPath(f.Path()); err == nil {
		return nil
	}
	for i := range f.Imports().Len() {
		if err := register(r, f.Imports().Get(i).FileDescriptor); err != nil {
			return err
		}
	}
	return r.RegisterFile(f)
}

// message is the type of a body: that which its Content-Type names, that which
// the method of its path has on this side, or the only one that is defined.
func (s *Schema) message(in *Input) protoreflect.MessageDescriptor {
	if s == nil {
		return nil
	}
	for part := range strings.SplitSeq(in.Fields.Joined("Content-Type"), ";") {
		name, value, _ := strings.Cut(flow.TrimSpace(part), "=")
		switch strings.ToLower(name) {
		case "messagetype", "proto", "message":
			if d := s.named(strings.Trim(value, `"`)); d != nil {
				return d
			}
		}
	}
	if d := s.method(in); d != nil {
		return d
	}
	if len(s.files) == 1 {
		if all := s.files[0].Messages(); all.Len() == 1 {
			return all.Get(0)
		}
	}
	return nil
}

func (s *Schema) named(name string) protoreflect.MessageDescriptor {
	full := protoreflect.FullName(name)
	if !full.IsValid() {
		return nil
	}
	t, err := s.types.FindMessageByName(full)
	if err != nil {
		return nil
	}
	return t.Descriptor()
}

// method finds the type by a path /package.Service/Method.
func (s *Schema) method(in *Input) protoreflect.MessageDescriptor {
	p, _, _ := strings.Cut(in.Path, "?")
	service, method := path.Base(path.Dir(p)), path.Base(p)
	for _, f := range s.files {
		for i := range f.Services().Len() {
			d := f.Services().Get(i)
			if string(d.FullName()) != service {
				continue
			}
			m := d.Methods().ByName(protoreflect.Name(method))
			switch {
			case m == nil:
			case in.Side == flow.ToServer:
				return m.Input()
			default:
				return m.Output()
			}
		}
	}
	return nil
}

// typed prints a message of a known type as JSON, with its fields named as they
// are defined, and then what the definitions do not know.
func typed(p *page, depth int, d protoreflect.MessageDescriptor, body []byte) error {
	m := dynamicpb.NewMessage(d)
	if err := (proto.UnmarshalOptions{RecursionLimit: 100}).Unmarshal(body, m); err != nil {
		return fmt.Errorf("it is no %s: %w", d.FullName(), err)
	}
	text, err := protojson.MarshalOptions{UseProtoNames: true, EmitUnpopulated: false}.Marshal(m)
	if err != nil {
		return fmt.Errorf("show a %s: %w", d.FullName(), err)
	}
	p.indent(depth)
	p.row("# %s", d.FullName())
	if err := indented(p, depth, text); err != nil {
		return err
	}
	if unknown := m.GetUnknown(); len(unknown) > 0 {
		p.indent(depth)
		p.row("# fields that the definitions do not have")
		guess(p, depth, unknown)
	}
	return nil
}
