package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"midstream/internal/dump"
	"midstream/internal/flowview"
	"midstream/internal/store"
)

// A sessionCommand has what the commands under `session` share.
type sessionCommand struct {
	env     *env
	confdir string
	yes     bool
}

func newSessionCmd(e *env) *cobra.Command {
	c := &sessionCommand{env: e}
	cmd := &cobra.Command{
		Use:   "session",
		Short: "the sessions on disk: list, check, keep, delete",
		Long: "A session is a folder with what was recorded. Those without a name lie under ~/.midstream/sessions\n" +
			"and go when they have been kept long enough; one that was made with --session DIR stays.\n\n" +
			"Where a command takes DIR and none is given, it is the one live session, else the newest kept one.\n" +
			"What destroys shows what it would do and asks; without a terminal it wants --yes.",
		RunE: func(cmd *cobra.Command, args []string) error { return cmd.Help() },
	}
	cmd.PersistentFlags().StringVar(&c.confdir, "confdir", "", "`DIR` that has the sessions (default ~/.midstream)")
	_ = cmd.MarkPersistentFlagDirname("confdir")
	cmd.AddCommand(c.listCmd(), c.infoCmd(), c.checkCmd(), c.repairCmd(), c.pruneCmd(), c.keepCmd(), c.deleteCmd())
	return cmd
}

// folder is the folder of options, CA and sessions.
func (c *sessionCommand) folder() (string, error) {
	reg, err := loadFor(c.env, c.confdir, nil)
	if err != nil {
		return "", err
	}
	return reg.Path("confdir"), nil
}

// one is the session that the words name, or the one that is meant without.
func (c *sessionCommand) one(words []string) (string, error) {
	if len(words) == 1 {
		return words[0], nil
	}
	confdir, err := c.folder()
	if err != nil {
		return "", err
	}
	dir, why, err := store.Choose(confdir, "")
	if err == nil {
		fmt.Fprintln(c.env.stderr, why)
	}
	return dir, err
}

// atMostOne takes one folder or none.
func atMostOne(cmd *cobra.Command, args []string) error {
	if len(args) > 1 {
		return usageError("%s takes one folder, and got %d words", cmd.CommandPath(), len(args))
	}
	return nil
}

// sessionJSON is one session. Keys are only ever added.
type sessionJSON struct {
	Schema  int        `json:"schema"`
	Path    string     `json:"path"`
	ID      string     `json:"id"`
	Created time.Time  `json:"created"`
	Used    time.Time  `json:"used"`
	Until   *time.Time `json:"until"` // null for ever
	Live    bool       `json:"live"`
	Size    int64      `json:"size"`
}

func jsonOf(s store.Session) sessionJSON {
	j := sessionJSON{Schema: 1, Path: s.Dir, ID: s.Meta.ID, Created: s.Meta.Created, Used: s.Used.UTC(), Live: s.Live, Size: s.Size}
	if until := s.Expires(); !until.IsZero() {
		until = until.UTC()
		j.Until = &until
	}
	return j
}

func (c *sessionCommand) print(v any) error {
	p, err := json.Marshal(v)
	if err != nil {
		return err
	}
	_, err = fmt.Fprintln(c.env.stdout, string(p))
	return err
}

// line tells of a session in one line.
func (c *sessionCommand) line(s store.Session) string {
	until := "kept"
	if t := s.Expires(); !t.IsZero() {
		until = "until " + t.Local().Format("2006-01-02 15:04")
	}
	if s.Live {
		until = "live"
	}
	return fmt.Sprintf("%s  %7s  %-22s  %s", s.Used.Local().Format("2006-01-02 15:04"), dump.Size(s.Size), until, dump.Safe(s.Dir))
}

func (c *sessionCommand) listCmd() *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "list",
		Short: "the sessions without a name, the newest first",
		Args:  noWords,
		RunE: func(cmd *cobra.Command, _ []string) error {
			confdir, err := c.folder()
			if err != nil {
				return err
			}
			list, err := store.Sessions(confdir)
			if err != nil {
				return err
			}
			for _, s := range list {
				if asJSON {
					err = c.print(jsonOf(s))
				} else {
					_, err = fmt.Fprintln(c.env.stdout, c.line(s))
				}
				if err != nil {
					return err
				}
			}
			if len(list) == 0 {
				fmt.Fprintf(c.env.stderr, "there is no session under %s\n", store.SessionsFolder(confdir))
			}
			return nil
		},
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "one JSON object a line")
	return cmd
}

func (c *sessionCommand) infoCmd() *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "info [DIR]",
		Short: "what is in a session",
		Args:  atMostOne,
		RunE: func(cmd *cobra.Command, args []string) error {
			dir, err := c.one(args)
			if err != nil {
				return err
			}
			s, err := store.Inspect(dir)
			if err != nil {
				return err
			}
			r, err := store.OpenReader(dir)
			if err != nil {
				return err
			}
			defer r.Close()
			flows, err := r.Count(cmd.Context(), store.SearchOptions{})
			if err != nil {
				return err
			}
			if asJSON {
				return c.print(struct {
					sessionJSON
					Flows uint64 `json:"flows"`
				}{jsonOf(s), flows})
			}
			until := "for ever"
			if t := s.Expires(); !t.IsZero() {
				until = "until " + t.Local().Format(time.DateTime)
			}
			if s.Live {
				until += "; a midstream writes it"
			}
			fmt.Fprintf(c.env.stdout, "session %s\nid      %s\ncreated %s\nused    %s\nkept    %s\nsize    %s\nflows   %d\n", dump.Safe(s.Dir), s.Meta.ID,
				s.Meta.Created.Local().Format(time.DateTime), s.Used.Local().Format(time.DateTime), until, dump.Size(s.Size), flows)
			return nil
		},
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	return cmd
}

func (c *sessionCommand) checkCmd() *cobra.Command {
	return &cobra.Command{
		Use:   "check [DIR]",
		Short: "read all of a session and say what is damaged",
		Long: "Reads every record and compares it with its checksum, and the index with the records. It changes\n" +
			"nothing. With damage it exits with 3; session repair brings a session in order.",
		Args: atMostOne,
		RunE: func(cmd *cobra.Command, args []string) error {
			dir, err := c.one(args)
			if err != nil {
				return err
			}
			h, err := store.Check(cmd.Context(), dir)
			if err != nil {
				return err
			}
			for _, d := range h.Damage {
				fmt.Fprintln(c.env.stdout, dump.Safe(d))
			}
			live := ""
			if h.Live {
				live = "; it is being written, so its end may not be whole"
			}
			fmt.Fprintf(c.env.stderr, "%d records of heads, %d of bodies, %d flows in the index%s\n", h.Heads, h.Bodies, h.Flows, live)
			if len(h.Damage) > 0 && !h.Live {
				return partialError("check session %s: it is damaged; session repair keeps what is whole", dir)
			}
			return nil
		},
	}
}

func (c *sessionCommand) repairCmd() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "repair DIR",
		Short: "bring a session in order",
		Long: "Cuts the torn end of segments, closes flows that have no end, and makes the index anew from the\n" +
			"segments. The old index stays as flows.db.old. Of flows whose heads went to keep the session within\n" +
			"its size only the old index knew.",
		Args: oneFolder,
		RunE: func(cmd *cobra.Command, args []string) error {
			if _, err := store.Inspect(args[0]); err != nil {
				return err
			}
			if err := c.confirm("make the index of "+dump.Safe(args[0])+" anew from its segments", "repair"); err != nil {
				return err
			}
			if err := locked(store.Repair(args[0])); err != nil {
				return err
			}
			h, err := store.Check(cmd.Context(), args[0])
			if err == nil {
				fmt.Fprintf(c.env.stderr, "%d flows are there\n", h.Flows)
			}
			return err
		},
	}
	c.yesFlag(cmd)
	return cmd
}

// oneFolder wants exactly one folder.
func oneFolder(cmd *cobra.Command, args []string) error {
	if len(args) != 1 {
		return usageError("%s wants the folder of one session; %q lists them", cmd.CommandPath(), "midstream session list")
	}
	return nil
}

func (c *sessionCommand) pruneCmd() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "prune",
		Short: "delete the sessions that have been kept long enough",
		Args:  noWords,
		RunE: func(cmd *cobra.Command, _ []string) error {
			confdir, err := c.folder()
			if err != nil {
				return err
			}
			list, err := store.Sessions(confdir)
			if err != nil {
				return err
			}
			var due []store.Session
			for _, s := range list {
				if end := s.Expires(); !s.Live && !end.IsZero() && !time.Now().Before(end) {
					due = append(due, s)
				}
			}
			if len(due) == 0 {
				fmt.Fprintln(c.env.stderr, "nothing to do: no session has been kept longer than it was to be")
				return nil
			}
			return c.remove(due, "prune")
		},
	}
	c.yesFlag(cmd)
	return cmd
}

func (c *sessionCommand) deleteCmd() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "delete DIR...",
		Short: "delete sessions",
		Long:  "Deletes what midstream has written in these folders, and the folders where nothing else is in them.",
		Args: func(cmd *cobra.Command, args []string) error {
			if len(args) == 0 {
				return usageError("name the folders of the sessions; %q lists them", "midstream session list")
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			var doomed []store.Session
			for _, dir := range args {
				s, err := store.Inspect(dir)
				if err != nil {
					return err
				}
				if s.Live {
					return fmt.Errorf("delete session %s: a midstream writes it; end it first", dir)
				}
				doomed = append(doomed, s)
			}
			return c.remove(doomed, "delete")
		},
	}
	c.yesFlag(cmd)
	return cmd
}

// remove shows what goes, asks, and removes it.
func (c *sessionCommand) remove(doomed []store.Session, use string) error {
	var sum int64
	for _, s := range doomed {
		fmt.Fprintln(c.env.stderr, c.line(s))
		sum += s.Size
	}
	if err := c.confirm(fmt.Sprintf("delete %s, %s", flowview.Count(uint64(len(doomed)), "session"), dump.Size(sum)), use); err != nil {
		return err
	}
	var errs []error
	for _, s := range doomed {
		errs = append(errs, locked(store.Remove(s.Dir)))
	}
	return errors.Join(errs...)
}

func (c *sessionCommand) keepCmd() *cobra.Command {
	var long string
	cmd := &cobra.Command{
		Use:   "keep DIR",
		Short: "keep a session for ever, or for a time",
		Args:  oneFolder,
		RunE: func(cmd *cobra.Command, args []string) error {
			keep := time.Duration(-1)
			if long != "" {
				d, err := time.ParseDuration(long)
				if err != nil || d < 0 {
					return usageError("--for %s: give a time, as 72h", quoted(long))
				}
				keep = d
			}
			if err := locked(store.Keep(args[0], keep)); err != nil {
				return err
			}
			s, err := store.Inspect(args[0])
			if err == nil {
				fmt.Fprintln(c.env.stderr, c.line(s))
			}
			return err
		},
	}
	cmd.Flags().StringVar(&long, "for", "", "so long after it was used last, as `72h`")
	return cmd
}

func (c *sessionCommand) yesFlag(cmd *cobra.Command) {
	cmd.Flags().BoolVarP(&c.yes, "yes", "y", false, "do it without asking")
}

// confirm asks before something is destroyed.
func (c *sessionCommand) confirm(what, use string) error {
	return confirm(c.env, c.yes, what, "midstream session "+use)
}

// locked says what to do where a session is being written.
func locked(err error) error {
	if errors.Is(err, store.ErrLocked) {
		return fmt.Errorf("%w: end it first", err)
	}
	return err
}
