package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"

	"midstream/flow"
	"midstream/internal/dump"
	"midstream/internal/flowview"
	"midstream/internal/store"
	"midstream/internal/view"
)

// page writes all about a flow, with the answer of a language model where its
// response is one.
func (c *flowsCommand) page(ctx context.Context, r *store.Reader, f *flow.Flow, asJSON bool) error {
	answer, err := flowview.Answer(ctx, r, f)
	if err != nil {
		// The flow is what was asked for; it is shown all the same.
		fmt.Fprintf(c.env.stderr, "the answer of flow %d is not whole: %s\n", f.Number, dump.Safe(err.Error()))
	}
	if asJSON {
		return flowview.PageJSON(c.env.stdout, f, answer)
	}
	if err := flowview.Page(c.env.stdout, f); err != nil || answer == nil {
		return err
	}
	return flowview.AnswerText(c.env.stdout, answer)
}

// viewFlags choose a view of a body and lines of it.
type viewFlags struct {
	name, definitions string
	asJSON            bool
}

func (v *viewFlags) add(cmd *cobra.Command) {
	cmd.Flags().StringVar(&v.name, "view", "", "as lines for a person: `NAME` of a view, or auto")
	cmd.Flags().StringVar(&v.definitions, "protobuf-definitions", "", "with --view: a .proto `FILE` that names fields")
	cmd.Flags().BoolVar(&v.asJSON, "json", false, "with --view: one JSON object, of 512 lines unless --count says more")
	_ = cmd.RegisterFlagCompletionFunc("view", cobra.FixedCompletions(append([]string{view.Auto}, view.Names()...), cobra.ShellCompDirectiveNoFileComp))
	_ = cmd.MarkFlagFilename("protobuf-definitions", "proto")
}

// check finds wrong use; others are flags that cannot be together with a view.
func (v *viewFlags) check(others bool) error {
	switch {
	case v.name == "" && (v.definitions != "" || v.asJSON):
		return usageError("--json and --protobuf-definitions are for views: add --view auto")
	case v.name != "" && others:
		return usageError("--view cannot be together with --raw, --range, --follow or --messages: --from and --count choose lines")
	}
	return nil
}

// schema reads the definitions that a flag names, else the option
// protobuf_definitions; nil without.
func (c *flowsCommand) schema(ctx context.Context, name string) (*view.Schema, error) {
	if name == "" {
		reg, err := loadFor(c.env, c.confdir, nil)
		if err != nil {
			return nil, err
		}
		name = reg.Path("protobuf_definitions")
	}
	return definitions(ctx, name)
}

// definitions reads a .proto file and what it imports, from its folder. No name is
// nil.
func definitions(ctx context.Context, name string) (*view.Schema, error) {
	if name == "" {
		return nil, nil
	}
	s, err := flowview.Definitions(ctx, name)
	if err != nil {
		return nil, &codedError{exitUsage, err}
	}
	return s, nil
}

// view writes a body as lines.
func (c *flowsCommand) view(ctx context.Context, r *store.Reader, q flowview.ViewQuery, v *viewFlags) error {
	var err error
	if q.Schema, err = c.schema(ctx, v.definitions); err != nil {
		return err
	}
	q.View = v.name
	if !view.Known(q.View) {
		return c.viewOfScript(ctx, r, q, v)
	}
	var result *view.Result
	if v.asJSON {
		if result, err = flowview.View(ctx, r, q); err != nil {
			return viewError(err)
		}
		text, err := json.Marshal(viewJSON{flowview.MessageSchema, q.Number, q.Side.String(), result})
		if err != nil {
			return err
		}
		_, err = c.env.stdout.Write(append(dump.AppendSafe(nil, string(text)), '\n'))
		return err
	}
	out := bufio.NewWriterSize(c.env.stdout, 32<<10)
	var failed error
	result, err = flowview.PrintView(ctx, r, q, func(line string) bool {
		_, failed = out.WriteString(dump.SafeText(line) + "\n")
		return failed == nil
	})
	if failed == nil {
		failed = out.Flush()
	}
	if err = errors.Join(err, failed); err != nil {
		return viewError(err)
	}
	for _, note := range result.Notes {
		fmt.Fprintf(c.env.stderr, "%s: %s\n", result.View, dump.Safe(note))
	}
	return nil
}

// viewOfScript writes a body by a view that a script of the running midstream declares.
func (c *flowsCommand) viewOfScript(ctx context.Context, r *store.Reader, q flowview.ViewQuery, v *viewFlags) error {
	midstream, err := c.live(r.Dir())
	if err != nil {
		return err
	}
	if midstream == nil { // only a midstream that runs has scripts
		return &codedError{exitUsage, &view.UnknownError{Name: q.View}}
	}
	defer midstream.Close()
	for {
		lines, err := midstream.Lines(ctx, q.Number, q.Side, q.View, q.Window)
		if err != nil {
			return err
		}
		if v.asJSON {
			text, err := json.Marshal(viewJSON{flowview.MessageSchema, q.Number, q.Side.String(), lines.Result})
			if err != nil {
				return err
			}
			_, err = c.env.stdout.Write(append(dump.AppendSafe(nil, string(text)), '\n'))
			return err
		}
		for _, line := range lines.Lines {
			if _, err := io.WriteString(c.env.stdout, dump.SafeText(line)+"\n"); err != nil {
				return err
			}
		}
		n := int64(len(lines.Lines))
		if !lines.More || n == 0 || q.Window.Count == n {
			for _, note := range lines.Notes {
				fmt.Fprintf(c.env.stderr, "%s: %s\n", lines.View, dump.Safe(note))
			}
			return nil
		}
		q.Window.From += n
		if q.Window.Count > 0 {
			q.Window.Count -= n
		}
	}
}

// viewJSON is what --json writes; keys are only added.
type viewJSON struct {
	Schema int    `json:"schema"`
	Number uint64 `json:"number"`
	Side   string `json:"side"`
	*view.Result
}

func viewError(err error) error {
	if _, partial := errors.AsType[*flowview.PartialError](err); partial {
		return &codedError{exitPartial, err}
	}
	return err
}

// namesOfViews are the names for a help text, in two lines.
func namesOfViews() string {
	names := view.Names()
	half := len(names)/2 + 2
	return strings.Join(names[:half], ", ") + ",\n" + strings.Join(names[half:], ", ") + "."
}
