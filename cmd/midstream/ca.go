package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"strings"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"midstream/internal/ca"
	"midstream/internal/option"
)

// caSchema is the number of the JSON of `ca path` and `ca print`.
const caSchema = 1

// A caCommand has what the commands under `ca` share.
type caCommand struct {
	env     *env
	confdir string
	sets    []string
}

func newCaCmd(env *env) *cobra.Command {
	c := &caCommand{env: env}
	cmd := &cobra.Command{
		Use:   "ca",
		Short: "the certificate authority that clients have to trust",
		Long: "The certificate authority that signs what clients of midstream see. It is made at the first\n" +
			"start; every command here makes it too where there is none. docs/certificates.md has the\n" +
			"ways to trust it, for each client and system.",
		Args: noWords,
		RunE: func(cmd *cobra.Command, args []string) error { return cmd.Help() },
	}
	cmd.PersistentFlags().StringVar(&c.confdir, "confdir", "", "`DIR` that has the CA (default ~/.midstream)")
	cmd.PersistentFlags().StringArrayVar(&c.sets, "set", nil, "set an option, as `NAME=VALUE`")
	cmd.AddCommand(c.pathCmd(), c.printCmd(), c.importCmd(), c.trustCmd(ca.Trust), c.trustCmd(ca.Untrust))
	return cmd
}

// options reads what file, environment and command line say.
func (c *caCommand) options() (*option.Registry, error) { return loadFor(c.env, c.confdir, c.sets) }

// authority opens the CA, or makes it.
func (c *caCommand) authority() (*ca.Authority, error) {
	r, err := c.options()
	if err != nil {
		return nil, err
	}
	kind, err := ca.ParseKeyType(r.String("key_type"))
	if err != nil {
		return nil, &codedError{exitUsage, err}
	}
	passphrase, _ := r.OptionalString("cert_passphrase")
	a, err := ca.Load(r.Path("confdir"), ca.Options{KeyType: kind, Passphrase: passphrase, Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		return nil, err
	}
	for _, w := range a.Warnings() {
		fmt.Fprintln(c.env.stderr, "warning:", w)
	}
	if a.Created() {
		fmt.Fprintf(c.env.stderr, "made a new CA in %s\n", a.Path(ca.KeyFile))
	}
	return a, nil
}

func (c *caCommand) pathCmd() *cobra.Command {
	var der, p12, key, asJSON bool
	var passphrase string
	cmd := &cobra.Command{
		Use:   "path",
		Short: "where the certificate is",
		Long: "Prints where the certificate of the CA is: as PEM, or in the form asked for.\n\n" +
			"--key writes midstream-ca.p12, which has the private key too, and prints its path. Programs\n" +
			"that are to sign with this CA need it. No device that only has to trust the CA does.",
		Args: noWords,
		RunE: func(cmd *cobra.Command, args []string) error {
			if passphrase != "" && !key {
				return usageError("--passphrase belongs to --key: only the file with the private key is encrypted")
			}
			secret, err := readSecret(passphrase)
			if err != nil {
				return err
			}
			a, err := c.authority()
			if err != nil {
				return err
			}
			path := a.Path(ca.CertFile)
			switch {
			case asJSON:
				return c.printJSON(a)
			case key:
				if path, err = a.WriteKeyP12(secret); err != nil {
					return err
				}
				if secret == "" {
					fmt.Fprintln(c.env.stderr, "warning: the private key in it is not encrypted; --passphrase @FILE does that")
				}
			case p12:
				path = a.Path(ca.CertP12File)
			case der:
				path = a.Path(ca.CertDERFile)
			}
			_, err = fmt.Fprintln(c.env.stdout, path)
			return err
		},
	}
	cmd.Flags().BoolVar(&der, "der", false, "the DER file (.cer: Windows, Android)")
	cmd.Flags().BoolVar(&p12, "p12", false, "the PKCS#12 file, certificate only (Java)")
	cmd.Flags().BoolVar(&key, "key", false, "write and name the PKCS#12 file with the private key")
	cmd.Flags().StringVar(&passphrase, "passphrase", "", "passphrase for --key, as `@FILE` or text")
	cmd.Flags().BoolVar(&asJSON, "json", false, "all paths and what the certificate says, as JSON")
	cmd.MarkFlagsMutuallyExclusive("der", "p12", "key", "json")
	return cmd
}

func (c *caCommand) printCmd() *cobra.Command {
	var der, asJSON bool
	cmd := &cobra.Command{
		Use:   "print",
		Short: "the certificate itself, as PEM",
		Long:  "Writes the certificate of the CA to standard output as PEM, and its fingerprint and dates to\nstandard error.",
		Args:  noWords,
		RunE: func(cmd *cobra.Command, args []string) error {
			a, err := c.authority()
			if err != nil {
				return err
			}
			if asJSON {
				return c.printJSON(a)
			}
			cert := a.Cert()
			if der {
				_, err = c.env.stdout.Write(cert.Raw)
				return err
			}
			fmt.Fprintf(c.env.stderr, "subject  %s\nvalid    %s to %s\nsha256   %s\n",
				cert.Subject, cert.NotBefore.Format("2006-01-02"), cert.NotAfter.Format("2006-01-02"), a.Fingerprint())
			_, err = c.env.stdout.Write(a.CertPEM())
			return err
		},
	}
	cmd.Flags().BoolVar(&der, "der", false, "write it as DER")
	cmd.Flags().BoolVar(&asJSON, "json", false, "all paths and what the certificate says, as JSON")
	cmd.MarkFlagsMutuallyExclusive("der", "json")
	return cmd
}

func (c *caCommand) printJSON(a *ca.Authority) error {
	out := json.NewEncoder(c.env.stdout)
	out.SetIndent("", "  ")
	return out.Encode(struct {
		Schema    int    `json:"schema"`
		Subject   string `json:"subject"`
		Serial    string `json:"serial"`
		NotBefore string `json:"not_before"`
		NotAfter  string `json:"not_after"`
		SHA256    string `json:"sha256"`
		PEM       string `json:"pem"`
		DER       string `json:"der"`
		P12       string `json:"p12"`
		KeyFile   string `json:"key_file"`
	}{
		caSchema, a.Cert().Subject.String(), a.Cert().SerialNumber.Text(16),
		a.Cert().NotBefore.UTC().Format("2006-01-02T15:04:05Z"), a.Cert().NotAfter.UTC().Format("2006-01-02T15:04:05Z"),
		a.Fingerprint(), a.Path(ca.CertFile), a.Path(ca.CertDERFile), a.Path(ca.CertP12File), a.Path(ca.KeyFile),
	})
}

// readSecret takes a secret from the command line: the text, or the first line
// of the file behind "@"; "@@" begins a text with "@".
func readSecret(text string) (string, error) {
	name, ok := strings.CutPrefix(text, "@")
	if !ok || strings.HasPrefix(name, "@") {
		return name, nil
	}
	data, err := os.ReadFile(name)
	if err != nil {
		return "", usageError("read passphrase: %w", err)
	}
	line, _, _ := strings.Cut(string(data), "\n")
	return strings.TrimSuffix(line, "\r"), nil
}

// onTerminal tells whether a person can answer on the input.
func (c *caCommand) onTerminal() bool {
	f, ok := c.env.stdin.(*os.File)
	return ok && term.IsTerminal(int(f.Fd()))
}

var errNoAnswer = errors.New("nothing was changed")
