package main

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"slices"

	"github.com/spf13/cobra"

	"midstream/internal/browser"
	"midstream/internal/ca"
	"midstream/internal/client"
	"midstream/internal/dump"
)

func newBrowserCmd(e *env) *cobra.Command {
	var choice string
	cmd := &cobra.Command{
		Use:   "browser [OPTIONS] [URL]",
		Short: "a browser with a fresh profile that passes through a proxy of its own",
		Long: "Starts a proxy on a free port and a browser with an empty profile that sends everything there,\n" +
			"localhost too, and trusts the certificates of this one midstream: Chromium, Chrome, Edge and\n" +
			"Brave by a pin, Firefox by a certificate in the profile (it needs NSS's certutil). HTTP/3 is off,\n" +
			"and what browsers send by themselves is reduced. The profile is removed when the browser ends;\n" +
			"then one line says what passed and where it is recorded. Words behind -- go to the browser.",
		Example: "  midstream browser https://example.com/\n" +
			"  midstream browser --browser firefox --attach",
		DisableFlagsInUseLine: true,
	}
	line := clientFlags(cmd, e)
	cmd.Flags().SetInterspersed(true)
	cmd.Flags().StringVar(&choice, "browser", "", "chromium, chrome, edge, brave, firefox, or the `PROGRAM`")
	cmd.Args = func(cmd *cobra.Command, args []string) error {
		if n := beforeDash(cmd, args); n > 1 {
			return usageError("midstream browser takes one URL, and got %d words; words for the browser stand behind --", n)
		}
		return nil
	}
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		n := beforeDash(cmd, args)
		s := browser.Setting{Args: args[n:]}
		if n == 1 {
			s.URL = args[0]
		}
		return openBrowser(cmd, e, line, choice, s)
	}
	return cmd
}

// beforeDash is how many words stand before "--".
func beforeDash(cmd *cobra.Command, args []string) int {
	if n := cmd.ArgsLenAtDash(); n >= 0 {
		return n
	}
	return len(args)
}

func openBrowser(cmd *cobra.Command, e *env, line *clientLine, choice string, s browser.Setting) error {
	program, err := browser.Finder{System: runtime.GOOS, Getenv: e.getenv, Look: exec.LookPath}.Find(choice)
	if err != nil {
		return err
	}
	if program.Kind == browser.Chromium && os.Geteuid() == 0 && runtime.GOOS == "linux" && !slices.Contains(s.Args, "--no-sandbox") {
		return fmt.Errorf("%s does not start as root: use another user, or say so with: midstream browser URL -- --no-sandbox", program.Name)
	}
	p, err := line.open(cmd.Context())
	if err != nil {
		return err
	}
	s.Proxy, s.LeafKey, s.CAFile = p.address, p.leafKey, p.authority.Path(ca.CertFile)
	code, err := p.browse(e, program, s)
	return p.conclude(e, code, err, program.Name)
}

// browse runs the browser with a profile of its own. What it says on standard
// error, which browsers fill with warnings, is shown when it fails.
func (p *passing) browse(e *env, program browser.Program, s browser.Setting) (code int, err error) {
	profile, err := browser.NewProfile(browser.ProfilesFolder(p.confdir, p.home, program))
	if err != nil {
		return exitFailed, err
	}
	defer func() { err = errors.Join(err, profile.Remove()) }()
	if err := program.Prepare(p.ctx, profile, s); err != nil {
		return exitFailed, err
	}
	fmt.Fprintf(e.stderr, "midstream: %s with a fresh profile passes through %s; close it to end\n", program.Name, p.address)
	complaints := new(lastWords)
	code, err = client.Command{Args: program.Line(profile, s), Env: program.Environ(e.environ()), Stdin: e.stdin, Stdout: beneath(e.stdout), Stderr: complaints}.Run(p.ctx)
	if code != 0 && len(complaints.text) > 0 {
		fmt.Fprintf(e.stderr, "%s\n", dump.Safe(oneLine(string(complaints.text))))
	}
	return code, err
}

// lastWords keeps the end of what is written.
type lastWords struct{ text []byte }

// maxLastWords bounds what is kept.
const maxLastWords = 2 << 10

func (w *lastWords) Write(p []byte) (int, error) {
	w.text = append(w.text, p...)
	if n := len(w.text) - maxLastWords; n > 0 {
		w.text = slices.Delete(w.text, 0, n)
	}
	return len(p), nil
}
