package option

import (
	"fmt"
	"strings"
)

// Markdown writes the page of all options: a table a group.
func Markdown(options []*Option) string {
	var b strings.Builder
	b.WriteString(`# Options

The value of an option comes from one of these; a later one wins:

1. its default,
2. a line ` + "`name: value`" + ` in ` + "`config.yaml`" + ` in the folder of ` + "`--confdir`" + ` (` + "`~/.midstream`" + `),
3. a variable ` + "`MIDSTREAM_NAME`" + ` (a list has one entry a line),
4. its flag, or ` + "`--set name=value`" + `, in the order they stand on the command line.

Each flag of a bool has a twin that begins with ` + "`--no-`" + `. ` + "`--set name`" + ` alone is true for a bool, none for an optional
option and the empty list for a list; ` + "`--set name=toggle`" + ` turns a bool round. A list collects what the command line gives
it, and then replaces what the file or the environment had. Paths in ` + "`config.yaml`" + ` are relative to its folder.

Sizes are whole numbers with b, k, m, g or t behind them, each 1024 times the one before. Times are seconds, or numbers
with ms, s, m, h or d. A secret is never printed; written as ` + "`@FILE`" + ` it is read from a file.

` + "`midstream options`" + ` prints the values and where each came from; ` + "`midstream options NAME`" + ` tells all about one.
`)
	group := ""
	for _, o := range options {
		if o.Group != group {
			group = o.Group
			fmt.Fprintf(&b, "\n## %s\n\n| option | flag | type | default | |\n|---|---|---|---|---|\n", group)
		}
		fmt.Fprintf(&b, "| `%s` | %s | %s | %s | %s |\n", o.Name, o.flagCell(), cell(o.TypeText()), o.defaultCell(), cell(o.Help))
	}
	return b.String()
}

func (o *Option) flagCell() string {
	s := "`--" + o.FlagName()
	if o.Type == Bool && o.fallback() == true {
		s = "`--no-" + o.FlagName()
	}
	switch m := o.Metavar(); {
	case o.Implied != "":
		s += "[=" + m + "]"
	case m != "" && o.Type != Choice:
		s += " " + m
	}
	s += "`"
	if o.Short != "" {
		s += " `-" + o.Short + "`"
	}
	return cell(s)
}

func (o *Option) defaultCell() string {
	if v := o.fallback(); v != nil && o.Format(v) != "" {
		return "`" + cell(o.Format(v)) + "`"
	}
	if o.Optional {
		return "none"
	}
	return "empty"
}

// cell makes a text safe for a table of Markdown.
func cell(s string) string {
	return strings.NewReplacer("|", "\\|", "\n", " ", "*", "\\*", "<", "&lt;").Replace(s)
}

// MitmproxyMarkdown writes the page that tells users of mitmproxy which of its
// options work.
func MitmproxyMarkdown() string {
	var b strings.Builder
	b.WriteString(`# From mitmproxy

Options keep their names where the meaning is the same, so most command lines go on working. This table has every
option of mitmproxy. ` + "*works*" + `: same name, same meaning. ` + "*renamed*" + `: something else does it. ` + "*not there yet*" + `: midstream
refuses it instead of passing over it. ` + "*not needed*" + `: nothing is left for it to do.

A program of the name ` + "`mitmdump`" + ` (a link to midstream) behaves as ` + "`midstream dump`" + `, ` + "`mitmweb`" + ` as ` + "`midstream web`" + `.

What is different from the start:

- Every body passes as it arrives and is recorded on disk as it passes; nothing waits for the end of a body unless a
  script wants the whole of it. ` + "`stream_large_bodies`" + ` is only needed to keep large bodies off the disk.
- Addons in Python run as they are: ` + "`-s addon.py`" + `. A body that has no end is not held for a ` + "`response`" + ` hook; set
  a function in ` + "`responseheaders`" + ` to change it on its way. [In Python](python.md) has what else differs.
- ` + "`config.yaml`" + ` comes before ` + "`--set`" + ` and flags; of those, the last on the command line wins.
- There is ` + "`--redact`" + `: what is recorded, shown and written has ` + "`[redacted:TAG]`" + ` in the place of credentials, and the wire has
  them as they are ([redaction](redaction.md)). Exports without it say what they carry.
- A wrong name is an error that names the nearest one, in ` + "`config.yaml`" + ` too, with line and column.
- ` + "`-H`, `-B`, `-M`, `--map-local` and `--block-list`" + ` take the same values ([rules](rules.md)). They work on streams, too:
  a body is held only where a filter asks for it (` + "`~b`" + `), and the flow says so.
- A filter behind ` + "`dump`" + ` means what it does in mitmdump ([filters](filters.md)), and there are operators more. Parentheses may
  stand close to an operator and operators side by side in them, ` + "`(~q ~t json)`; what begins with `&` or `|`" + ` is an error,
  not a pattern. The flags of options that are not there yet are not there either.

| option | | |
|---|---|---|
`)
	for _, row := range Mitmproxy() {
		fmt.Fprintf(&b, "| `%s` | %s | %s |\n", row.Name, row.State, cell(row.Note))
	}
	b.WriteString(`
| flag | |
|---|---|
| ` + "`-q` `-v` `-n` `-m` `-p` `-s` `-k` `--set` `--listen-host` `--certs` `--cert-passphrase` `--showhost`" + ` | as in mitmproxy |
| ` + "`--ignore-hosts` `--allow-hosts` `--tcp-hosts` `--show-ignored-hosts` `--store-streamed-bodies` `--flow-detail`" + ` | as in mitmproxy |
| ` + "`--version`" + ` | as in mitmproxy |
| ` + "`--stream SIZE` `--stream-large-bodies SIZE`" + ` | as ` + "`--set stream_large_bodies=SIZE`" + ` |
| ` + "`--options`" + ` | ` + "`midstream options`" + ` |
| ` + "`-r` `-w` `-C` `-S` `-M` `-B` `-H` `--map-local` `--anticache` `--anticomp`" + ` | as in mitmproxy |

## Addons

What mitmproxy has built in, and what is in its place here ([rules](rules.md) tells of those that are rules).

| addon | | |
|---|---|---|
`)
	for _, row := range MitmproxyAddons() {
		fmt.Fprintf(&b, "| `%s` | %s | %s |\n", row.Name, row.State, cell(row.Note))
	}
	b.WriteString(pythonMarkdown() + `
## Commands

Midstream has no interactive commands. What they do is done by its own, by the page and by the [API](api.md).

| command | | |
|---|---|---|
`)
	for _, row := range MitmproxyCommands() {
		names := strings.ReplaceAll(row.Name, " ", "` `")
		fmt.Fprintf(&b, "| `%s` | %s | %s |\n", names, row.State, cell(row.Note))
	}
	return b.String()
}
