package main

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"midstream/flow"
	"midstream/internal/compare"
	"midstream/internal/dump"
)

func newDiffCmd(e *env) *cobra.Command {
	d := &differing{flowsCommand: flowsCommand{env: e}}
	cmd := &cobra.Command{
		Use:   "diff [OPTIONS] A B",
		Short: "in what two flows, files or sessions differ",
		Long: "Compares two flow files, HARs or sessions, or two flows of them: PATH#4471, or 4471 in the present\n" +
			"session. Flows are paired by method, URL and order. Head fields count whatever their order, bodies\n" +
			"decoded, JSON whatever the order of its keys; times do not count and are printed beside what\n" +
			"differs. - stands before what only A has, + before what only B has.\n\n" +
			"The exit code is 3 when anything differs.",
		Example: "  midstream diff in.har in.mitm --ignore date\n  midstream diff in/#1 in.mitm#1",
		Args:    exactWords(2, "A and B"),
		RunE: func(cmd *cobra.Command, args []string) error {
			ctx, stop := untilSignal(cmd.Context(), e)
			defer stop()
			return d.run(ctx, args[0], args[1])
		},
	}
	cmd.Flags().BoolVar(&d.options.Exact, "exact", false, "the order of fields and of JSON, and bodies octet for octet, count, too")
	cmd.Flags().StringArrayVar(&d.options.Ignore, "ignore", nil, "header field (`NAME`) that does not count; repeat it for several")
	cmd.Flags().BoolVar(&d.json, "json", false, "print one JSON object for each pair that differs")
	cmd.Flags().StringVar(&d.session, "session", "", "`DIR` of the session that has flows without a path")
	cmd.Flags().StringVar(&d.confdir, "confdir", "", "`DIR` that has the sessions (default ~/.midstream)")
	_ = cmd.MarkFlagDirname("session")
	_ = cmd.MarkFlagDirname("confdir")
	return cmd
}

// differing is one run of `diff`.
type differing struct {
	flowsCommand
	options compare.Options
	json    bool
	count   [4]int // by compare.Kind
}

func (d *differing) run(ctx context.Context, a, b string) error {
	x, one, err := d.open(ctx, a)
	if err != nil {
		return err
	}
	defer x.Close()
	y, two, err := d.open(ctx, b)
	if err != nil {
		return err
	}
	defer y.Close()
	err = compare.Run(ctx, compare.Recording{Reader: x.Reader, Number: one}, compare.Recording{Reader: y.Reader, Number: two}, d.options, d.pair)
	if err != nil {
		return err
	}
	same, different := d.count[compare.Same], d.count[compare.Different]
	onlyA, onlyB := d.count[compare.OnlyA], d.count[compare.OnlyB]
	if !d.json {
		fmt.Fprintf(d.env.stderr, "%s the same, %d different, %d only in A, %d only in B\n", plural(same, "flow"), different, onlyA, onlyB)
	}
	if different+onlyA+onlyB > 0 {
		return &programEnded{exitPartial} // all is said
	}
	if err := x.all(nil); err != nil {
		return err
	}
	return y.all(nil)
}

// open opens what a word names: a file, a session, or a flow; number is 0 for all.
func (d *differing) open(ctx context.Context, word string) (r *recording, number uint64, err error) {
	if isFile(word) || isFolder(word) {
		c := flowsCommand{env: d.env, confdir: d.confdir}
		r, err = c.recording(ctx, word, "")
		return r, 0, err
	}
	c := d.flowsCommand
	if strings.Contains(word, "#") {
		c.session = ""
	}
	return c.find(ctx, word)
}

func (d *differing) pair(p *compare.Pair) error {
	d.count[p.Kind]++
	if p.Kind == compare.Same {
		return nil
	}
	if d.json {
		return json.NewEncoder(d.env.stdout).Encode(pairJSON(p))
	}
	sign, f := "~", p.A
	switch p.Kind {
	case compare.OnlyA:
		sign = "-"
	case compare.OnlyB:
		sign, f = "+", p.B
	}
	fmt.Fprintf(d.env.stdout, "%s %s %s\n", sign, numbersOf(p), dump.Safe(compare.Name(f)))
	for _, x := range p.Differences {
		name := x.What
		if x.Name != "" {
			name += " " + x.Name
		}
		fmt.Fprintf(d.env.stdout, "    %s: ", dump.Safe(name))
		if x.Text == "" || x.A != "" || x.B != "" {
			fmt.Fprintf(d.env.stdout, "%s | %s", valueOf(x.A), valueOf(x.B))
		}
		fmt.Fprintln(d.env.stdout)
		for line := range strings.Lines(x.Text) {
			fmt.Fprintf(d.env.stdout, "        %s\n", dump.SafeText(strings.TrimRight(line, "\r\n")))
		}
	}
	if p.Kind == compare.Different {
		fmt.Fprintf(d.env.stdout, "    time: %s | %s\n", took(p.A), took(p.B))
	}
	return nil
}

func numbersOf(p *compare.Pair) string {
	switch {
	case p.A == nil:
		return fmt.Sprint(p.B.Number)
	case p.B == nil:
		return fmt.Sprint(p.A.Number)
	}
	return fmt.Sprintf("%d %d", p.A.Number, p.B.Number)
}

// longestValue is how much of a value is printed, in octets.
const longestValue = 200

func valueOf(s string) string {
	if s == "" {
		return "none"
	}
	if len(s) > longestValue {
		s = s[:longestValue] + "..."
	}
	return dump.Safe(s)
}

func took(f *flow.Flow) string {
	if f.End.IsZero() {
		return "not ended"
	}
	return f.End.Sub(f.Start).Round(100 * time.Microsecond).String()
}

// pairedJSON is what --json prints of a pair.
type pairedJSON struct {
	Schema      int              `json:"schema"`
	Kind        string           `json:"kind"` // different, only_a, only_b
	Name        string           `json:"name"` // method and URL
	A           uint64           `json:"a,omitempty"`
	B           uint64           `json:"b,omitempty"`
	SecondsA    float64          `json:"seconds_a,omitempty"`
	SecondsB    float64          `json:"seconds_b,omitempty"`
	Differences []differenceJSON `json:"differences,omitempty"`
}

type differenceJSON struct {
	What string `json:"what"`
	Name string `json:"name,omitempty"`
	A    string `json:"a,omitempty"`
	B    string `json:"b,omitempty"`
	Text string `json:"text,omitempty"`
}

func pairJSON(p *compare.Pair) pairedJSON {
	j := pairedJSON{Schema: 1, Kind: map[compare.Kind]string{compare.Different: "different", compare.OnlyA: "only_a", compare.OnlyB: "only_b"}[p.Kind]}
	if p.A != nil {
		j.Name, j.A, j.SecondsA = compare.Name(p.A), p.A.Number, seconds(p.A)
	}
	if p.B != nil {
		j.Name, j.B, j.SecondsB = compare.Name(p.B), p.B.Number, seconds(p.B)
	}
	for _, x := range p.Differences {
		j.Differences = append(j.Differences, differenceJSON(x))
	}
	return j
}

func seconds(f *flow.Flow) float64 {
	if f.End.IsZero() {
		return 0
	}
	return f.End.Sub(f.Start).Seconds()
}
