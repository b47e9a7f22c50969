package main

import (
	"fmt"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// commandTree is one line a command: how it is typed, and what it is.
func commandTree(root *cobra.Command) string {
	var b strings.Builder
	walk(root, func(cmd *cobra.Command) {
		fmt.Fprintf(&b, "%-44s %s\n", useText(cmd), cmd.Short)
	})
	return b.String()
}

// commandsPage is docs/commands.md.
func commandsPage(root *cobra.Command) string {
	var b strings.Builder
	b.WriteString("# Commands\n\n```\n" + commandTree(root) + "```\n\n" +
		"Data goes to standard output; where it listens, the log, progress and errors go to standard error. An error is one\n" +
		"line. `--json` prints documented keys with a `schema` number; keys are only ever added.\n\n" +
		"| exit code | |\n|---|---|\n| 0 | done; also a proxy that was ended with Ctrl-C or SIGTERM |\n| 1 | it could not be done |\n" +
		"| 2 | a flag, option, argument or script that makes no sense |\n| 3 | done but not all, or a difference or a fault was found |\n")
	walk(root, func(cmd *cobra.Command) {
		fmt.Fprintf(&b, "\n## %s\n\n", cmd.CommandPath())
		long := cmd.Long
		if long == "" {
			long = strings.ToUpper(cmd.Short[:1]) + cmd.Short[1:] + "."
		}
		fmt.Fprintf(&b, "    %s\n\n%s\n", useText(cmd), paragraphs(long))
		if cmd.Example != "" {
			fmt.Fprintf(&b, "\n```sh\n%s\n```\n", strings.Trim(cmd.Example, "\n"))
		}
		if rows := flagRows(cmd); rows != "" {
			fmt.Fprintf(&b, "\n| flag | |\n|---|---|\n%s", rows)
		}
	})
	b.WriteString(flowKeys)
	return b.String()
}

// flowKeys tells about the JSON of a flow.
const flowKeys = `
## JSON of a flow

What ` + "`dump --json`" + ` prints in one line when a flow has ended, and ` + "`flows show --json`" + ` for one flow (there with the certificates). Times are RFC 3339
in UTC, or null where nothing happened; sizes are octets; fields are pairs of name and value in their order on the wire.
Octets that are not UTF-8 become U+FFFD: the session has them as they were.

| key | |
|---|---|
| ` + "`schema`" + ` | 1 |
| ` + "`number` `id` `kind`" + ` | number in the session, UUID, ` + "`http` or `tcp`" + ` |
| ` + "`url`" + ` | the URL with the host that the client named |
| ` + "`start` `end` `duration_seconds`" + ` | when, and for how long |
| ` + "`client` `server`" + ` | connections: ` + "`peer` `local` `address` `mode` `start` `connected` `secured` `end` `tls`" + `; of a client also ` + "`http2`" + `: how it opened its HTTP/2 connection (` + "`settings` `window_update` `priorities` `fingerprint`" + `), or null |
| ` + "`request` `response` `interim`" + ` | heads: ` + "`line` `method` `path` `status` `reason` `version` `fields` `trailers` `never_indexed`" + ` and more; of a request in HTTP/2 also ` + "`pseudo_fields`" + ` (their order) and ` + "`priority`" + ` |
| ` + "`request_body` `response_body`" + ` | ` + "`disposition`" + ` (none, tee, hold, pass), ` + "`reason` `changes` `declared` `received` `sent` `record` `recorded` `removed` (bytes in front of those, removed later) `cut_reason` `transformed` `ended` `messages` (how many were found in it as it passed)" + ` |
| ` + "`before`" + ` | what scripts, rules or a person changed, as it was before; null where that is nothing: ` + "`by`" + ` (who), ` + "`request`" + ` and ` + "`response`" + ` (heads), ` + "`request_body`" + ` and ` + "`response_body`" + ` (` + "`size` `sha256`" + ` and ` + "`text`" + `, or ` + "`base64`" + `; up to 256 KiB of a body that was held). What was not changed is null |
| ` + "`rpc`" + ` | how a call of gRPC, gRPC-Web or Connect ended: ` + "`protocol` `code` `name` `message`" + `; null where it is none or that is not known |
| ` + "`tries` `findings`" + ` | attempts to reach the server; what was seen and repaired |
| ` + "`outcome`" + ` | ` + "`kind` `text` `bytes` `phase` `error`" + `: how it ended |
| ` + "`marker` `comment` `metadata`" + ` | what people and scripts put on it |
`

// paragraphs turns indented lines into a block of their own, so that Markdown
// leaves them alone, and shows names in angle brackets.
func paragraphs(text string) string {
	var b strings.Builder
	for line := range strings.Lines(text) {
		if strings.HasPrefix(line, "  ") {
			b.WriteString("    ")
		} else {
			line = strings.ReplaceAll(line, "<", "&lt;")
		}
		b.WriteString(line)
	}
	return strings.TrimRight(b.String(), "\n")
}

// flagRows lists the flags of cmd; options have a page of their own.
func flagRows(cmd *cobra.Command) string {
	var b strings.Builder
	options := false
	cmd.LocalFlags().VisitAll(func(f *pflag.Flag) {
		if _, ours := f.Value.(*optionFlag); ours {
			options = true
			return
		}
		if !f.Hidden && f.Name != "help" {
			_, usage := pflag.UnquoteUsage(f)
			fmt.Fprintf(&b, "| `%s` | %s |\n", flagLine(f), strings.ReplaceAll(usage, "|", "\\|"))
		}
	})
	if options {
		b.WriteString("| those of all options | see [options](options.md) |\n")
	}
	return b.String()
}
