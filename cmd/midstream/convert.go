package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"

	"midstream/internal/capture"
	"midstream/internal/format/mitm"
	"midstream/internal/redaction"
)

func newConvertCmd(e *env) *cobra.Command {
	c := &converting{env: e}
	cmd := &cobra.Command{
		Use:   "convert [OPTIONS] IN OUT",
		Short: "flow file, HAR or session, either way",
		Long: "Copies all flows of IN to OUT. A flow file of mitmproxy (.mitm, .flow), an HTTP Archive (.har,\n" +
			".zhar) and a session (a folder) are told by their names, and IN by how it begins; --from and --to\n" +
			"say it otherwise. - is standard input and output.\n\n" +
			"OUT has another name until it is whole, and is replaced only with --force; a session that is there\n" +
			"is added to. What the kind of OUT has no place for is listed, and the exit code is 3. That\n" +
			"credentials are in it is said on standard error; --redact writes [redacted:TAG] for them.",
		Args: exactWords(2, "IN and OUT"),
		RunE: func(cmd *cobra.Command, args []string) error {
			ctx, stop := untilSignal(cmd.Context(), e)
			defer stop()
			return c.run(ctx, args[0], args[1])
		},
	}
	cmd.Flags().StringVar(&c.from, "from", "", "what IN is: mitm, har, zhar or session (`KIND`)")
	cmd.Flags().StringVar(&c.to, "to", "", "what OUT is (`KIND`)")
	c.redacting.flag(cmd.Flags())
	cmd.Flags().BoolVar(&c.force, "force", false, "replace OUT if it is there")
	cmd.Flags().Int64Var(&c.version, "flow-version", mitm.Version, fmt.Sprintf("version `N` of a flow file: %d, or %d for mitmproxy 8", mitm.Version, mitm.Older))
	for _, name := range []string{"from", "to"} {
		_ = cmd.RegisterFlagCompletionFunc(name, cobra.FixedCompletions([]string{"mitm", "har", "zhar", "session"}, cobra.ShellCompDirectiveNoFileComp))
	}
	return cmd
}

// exactWords refuses more or fewer than n words.
func exactWords(n int, what string) cobra.PositionalArgs {
	return func(cmd *cobra.Command, args []string) error {
		if len(args) != n {
			return usageError("%s takes %s, and got %d words", cmd.CommandPath(), what, len(args))
		}
		return nil
	}
}

// converting is one run of `convert`.
type converting struct {
	env      *env
	from, to string
	force    bool
	version  int64
	redacting
	carried redaction.Carried
}

func (c *converting) run(ctx context.Context, in, out string) error {
	from, to, err := c.kinds(out)
	if err != nil {
		return err
	}
	if err := c.check(); err != nil {
		return err
	}
	src, err := capture.Open(ctx, in, from, c.env.stdin)
	if err != nil {
		return err
	}
	defer src.Close()
	if out != "-" && samePlace(in, out) {
		return usageError("IN and OUT are the same: give OUT another name")
	}
	dst, err := c.create(out, to)
	if err != nil {
		return err
	}
	if src, err = c.source(c.env, "", capture.ReaderOf(src), src); err != nil {
		dst.Abort()
		return err
	}
	n, failed, lost, err := c.copy(ctx, src, dst)
	if err != nil {
		dst.Abort()
		return err
	}
	if err := dst.Close(); err != nil {
		return err
	}
	for _, line := range lost.lines() {
		fmt.Fprintln(c.env.stderr, line)
	}
	if text := c.carried.Text(); text != "" {
		fmt.Fprintln(c.env.stderr, oneLine(text))
	}
	if failed > 0 || len(lost.order) > 0 {
		return partialError("%s to %s, but not all of what they hold: see above", plural(n, "flow"), out)
	}
	fmt.Fprintf(c.env.stderr, "%s to %s\n", plural(n, "flow"), out)
	return nil
}

// kinds reads --from and --to, and tells what out is.
func (c *converting) kinds(out string) (from, to capture.Kind, err error) {
	if c.from != "" {
		if from, err = capture.ParseKind(c.from); err != nil {
			return "", "", usageError("--from: %w", err)
		}
	}
	if err := mitm.ParseVersion(c.version); err != nil {
		return "", "", usageError("--flow-version: %w", err)
	}
	if c.to != "" {
		if to, err = capture.ParseKind(c.to); err != nil {
			return "", "", usageError("--to: %w", err)
		}
		return from, to, nil
	}
	if to = capture.ByName(out); to == "" {
		return "", "", usageError("what is %s to be? end its name in .mitm, .har, .zhar or %c (a session), or give --to", quoted(out), filepath.Separator)
	}
	return from, to, nil
}

func samePlace(a, b string) bool {
	x, err1 := os.Stat(a)
	y, err2 := os.Stat(b)
	return err1 == nil && err2 == nil && os.SameFile(x, y)
}

func (c *converting) create(out string, to capture.Kind) (capture.Sink, error) {
	if to == capture.Session {
		if out == "-" {
			return nil, usageError("a session is a folder and cannot go to standard output: give --to mitm or har")
		}
		return capture.OpenSession(filepath.Clean(out))
	}
	dst, err := capture.Create(out, to, c.env.stdout, capture.Options{Version: c.version, Creator: "midstream", CreatorVersion: versionText(), Replace: c.force})
	if errors.Is(err, capture.ErrExists) {
		return nil, &codedError{exitUsage, err}
	}
	return dst, err
}

// copy copies flows; failed is how many of the source could not be read.
func (c *converting) copy(ctx context.Context, src capture.Source, dst capture.Sink) (n, failed int, lost losses, err error) {
	progress := newProgress(c.env)
	defer progress.done()
	for ; ctx.Err() == nil; progress.show(src.Progress) {
		it, err := src.Next()
		if err == io.EOF {
			return n, failed, lost, nil
		}
		if err != nil {
			damaged, passable := errors.AsType[*capture.Damaged](err)
			if !passable && n == 0 && failed == 0 {
				return n, failed, lost, err
			}
			progress.done()
			fmt.Fprintln(c.env.stderr, err)
			failed++
			if damaged == nil {
				return n, failed, lost, nil // what came before it is kept
			}
			if it == nil {
				continue
			}
		}
		c.carried.Add(it.Flow)
		more, err := dst.Write(it)
		if err != nil {
			return n, failed, lost, err
		}
		n++
		lost.add(n, it.Lost)
		lost.add(n, more)
	}
	return n, failed, lost, context.Cause(ctx)
}
