package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"midstream/internal/capture"
	"midstream/internal/flowview"
	"midstream/internal/format/code"
	"midstream/internal/store"
)

// exporting is one run of `flows export`.
type exporting struct {
	*flowsCommand
	as         string
	bodies     string
	originalIP bool
	redacting
}

func (c *flowsCommand) exportCmd() *cobra.Command {
	x := &exporting{flowsCommand: c}
	cmd := &cobra.Command{
		Use:   "export --as KIND ID...|FILTER",
		Short: "what sends a request again: curl, a program, the octets",
		Long: "Writes requests as what sends them again: curl and httpie (lines of POSIX shell), python, fetch and\n" +
			"go (programs), raw-request (as HTTP/1 has it on the wire), raw-response, and raw, which is both.\n" +
			"timed is the response of one flow with its timing, which the option mock answers with.\n\n" +
			"What is exported sends method, target, fields and body as they were recorded, whatever is in them.\n" +
			"What the tool cannot send is left out and told, and the exit code is 3. A body above 1 MiB goes to\n" +
			"a file in the folder that --bodies names. That credentials are in it is said on standard error;\n" +
			"--redact writes [redacted:TAG] in their place.",
		Example: "  midstream flows export --as curl last\n" +
			"  midstream flows export --as python '~d api.example.com & ~m POST' > again.py",
		Args: chosenFlows,
		RunE: func(cmd *cobra.Command, args []string) error {
			if x.as == timedKind {
				return x.timed(cmd.Context(), args)
			}
			kind, err := code.ParseKind(x.as)
			if err != nil {
				return &codedError{exitUsage, fmt.Errorf("--as: %w", err)}
			}
			if !cmd.Flags().Changed("original-ip") {
				reg, err := loadFor(c.env, c.confdir, nil)
				if err != nil {
					return err
				}
				x.originalIP = reg.Bool("export_preserve_original_ip")
			}
			if err := x.check(); err != nil {
				return err
			}
			ctx, stop := untilSignalTold(cmd.Context(), c.env, func(os.Signal) {})
			defer stop()
			return x.run(ctx, kind, args)
		},
	}
	cmd.Flags().StringVar(&x.as, "as", string(code.Curl), "`KIND`, one of those above")
	cmd.Flags().StringVar(&x.bodies, "bodies", "", "`DIR` for bodies that are too large to be written out")
	x.flag(cmd.Flags())
	cmd.Flags().BoolVar(&x.originalIP, "original-ip", false, "to the address that answered (curl, python, go)")
	_ = cmd.RegisterFlagCompletionFunc("as", cobra.FixedCompletions(append(code.Kinds(), timedKind), cobra.ShellCompDirectiveNoFileComp))
	_ = cmd.MarkFlagDirname("bodies")
	return cmd
}

// run exports one flow by its name, several by their numbers, or those that a filter
// means.
func (x *exporting) run(ctx context.Context, kind code.Kind, words []string) error {
	if len(words) == 1 {
		r, number, err := x.find(ctx, words[0])
		if err == nil {
			defer r.Close()
			if _, err := r.Get(ctx, number); err != nil {
				return err
			}
			return x.write(ctx, kind, r, ofNumbers(number), true)
		}
		if _, bad := errors.AsType[*flowview.NameError](err); !bad {
			return err
		}
	}
	filter, err := parseFilter(x.env, words)
	if err != nil {
		return err
	}
	r, err := x.recording(ctx, "", "")
	if err != nil {
		return err
	}
	defer r.Close()
	if numbers := numbered(words); numbers != nil {
		return x.write(ctx, kind, r, ofNumbers(numbers...), false)
	}
	return x.write(ctx, kind, r, r.Search(ctx, store.SearchOptions{Filter: filter, Oldest: true}), false)
}

func ofNumbers(numbers ...uint64) iter.Seq2[store.Summary, error] {
	return func(yield func(store.Summary, error) bool) {
		for _, n := range numbers {
			if !yield(store.Summary{Number: n}, nil) {
				return
			}
		}
	}
}

// write writes the listed flows; the only one has to succeed.
func (x *exporting) write(ctx context.Context, kind code.Kind, r *recording, list iter.Seq2[store.Summary, error], only bool) error {
	session := r.Reader
	if r.folder != "" {
		session = nil // it goes, with its ID
	}
	src, err := x.source(x.env, x.confdir, session, capture.FromReader(ctx, r.Reader, list))
	if err != nil {
		return err
	}
	defer src.Close()
	w := code.NewWriter(x.env.stdout, kind, code.Options{OriginalIP: x.originalIP, Bodies: x.bodyFile()})
	var lost losses
	n, partial := 0, error(nil)
	for {
		it, err := src.Next()
		if err == io.EOF {
			break
		}
		if _, some := store.Undecided(err); some {
			partial = err
			break
		}
		if err != nil {
			return errors.Join(err, w.Close())
		}
		left, err := w.Write(it)
		if refused, no := errors.AsType[*code.Unfit](err); no {
			if only {
				return fmt.Errorf("export flow %d: %w", it.Flow.Number, err)
			}
			lost.add(int(it.Flow.Number), []string{"the flow: " + refused.Reason})
			continue
		}
		if err != nil {
			return fmt.Errorf("export flow %d: %w", it.Flow.Number, err)
		}
		lost.add(int(it.Flow.Number), left)
		n++
	}
	if err := w.Close(); err != nil {
		return err
	}
	return x.said(n, w.Secrets(), lost, only, r.all(partial))
}

// said tells what an export carries, and what it does not.
func (x *exporting) said(n int, secrets []string, lost losses, only bool, err error) error {
	for _, line := range lost.lines() {
		fmt.Fprintln(x.env.stderr, oneLine(line))
	}
	if len(secrets) > 0 {
		fmt.Fprintf(x.env.stderr, "it carries what lets others in: %s; look at it before you hand it on, or export it with --redact\n", oneLine(strings.Join(secrets, ", ")))
	}
	if !only {
		fmt.Fprintf(x.env.stderr, "exported %s\n", plural(n, "flow"))
	}
	if u, some := store.Undecided(err); some {
		return &codedError{exitPartial, u}
	}
	if err == nil && len(lost.order) > 0 {
		return partialError("not all of what was recorded is in it: see above")
	}
	return err
}

// bodyFile makes the files of large bodies; nil without a folder for them.
func (x *exporting) bodyFile() func(uint64) (string, io.WriteCloser, error) {
	if x.bodies == "" {
		return nil
	}
	return func(number uint64) (string, io.WriteCloser, error) {
		if err := os.MkdirAll(x.bodies, 0o700); err != nil {
			return "", nil, err
		}
		name := filepath.Join(x.bodies, fmt.Sprintf("flow-%d.body", number))
		f, err := os.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
		return name, f, err
	}
}

// timedKind is the kind of export that package timed writes.
const timedKind = "timed"

// timed exports the response of one flow with its timing.
func (x *exporting) timed(ctx context.Context, words []string) error {
	if len(words) != 1 {
		return usageError("--as timed writes one flow: give its number, or last")
	}
	r, number, err := x.find(ctx, words[0])
	if err != nil {
		return err
	}
	defer r.Close()
	out := bufio.NewWriter(x.env.stdout)
	lost, err := flowview.Timed(ctx, r.Reader, number, out)
	if err == nil {
		err = out.Flush()
	}
	if err != nil {
		return fmt.Errorf("export flow %d: %w", number, err)
	}
	f, err := r.Get(ctx, number)
	if err != nil {
		return err
	}
	var secrets []string
	if f.Response.Fields.Has("Set-Cookie") {
		secrets = []string{"Set-Cookie"}
	}
	var all losses
	all.add(int(number), lost)
	return x.said(1, secrets, all, true, nil)
}
