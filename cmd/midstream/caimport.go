package main

import (
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"midstream/internal/ca"
)

func (c *caCommand) importCmd() *cobra.Command {
	var passphrase string
	cmd := &cobra.Command{
		Use:   "import FILE",
		Short: "take another CA, as mitmproxy's",
		Long: "Makes the CA in FILE the one that signs, so that devices which trust it stay as they are.\n" +
			"FILE is mitmproxy-ca.pem of mitmproxy, or any PEM or PKCS#12 file with a CA certificate and its\n" +
			"private key. The CA that was there is kept beside it, under a name with the date.",
		Example: "  midstream ca import ~/.mitmproxy/mitmproxy-ca.pem\n  midstream ca import company.p12 --passphrase @secret.txt",
		Args: func(cmd *cobra.Command, args []string) error {
			if len(args) != 1 {
				return usageError("midstream ca import takes one file, as: midstream ca import ~/.mitmproxy/mitmproxy-ca.pem")
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			secret, err := readSecret(passphrase)
			if err != nil {
				return err
			}
			r, err := c.options()
			if err != nil {
				return err
			}
			if secret == "" {
				secret, _ = r.OptionalString("cert_passphrase")
			}
			got, err := ca.Import(r.Path("confdir"), args[0], secret, time.Now())
			if got != nil {
				c.sayImported(got)
			}
			return err
		},
	}
	cmd.Flags().StringVar(&passphrase, "passphrase", "", "passphrase of FILE, as `@FILE` or text")
	return cmd
}

func (c *caCommand) sayImported(got *ca.Imported) {
	say := func(format string, args ...any) { fmt.Fprintf(c.env.stderr, format+"\n", args...) }
	if got.Same {
		say("this CA is the one in use: %s, sha256 %s", got.Cert.Subject, ca.Fingerprint(got.Cert))
	} else {
		say("the CA is now %s, valid until %s, sha256 %s", got.Cert.Subject, got.Cert.NotAfter.Format("2006-01-02"), ca.Fingerprint(got.Cert))
	}
	if got.Old != nil && !got.Same {
		say("it was %s, sha256 %s", got.Old.Subject, ca.Fingerprint(got.Old))
	}
	if got.Backup != "" {
		say("the old one is kept in %s", got.Backup)
	}
	for _, path := range got.Written {
		say("wrote %s", path)
	}
	for _, note := range got.Notes {
		say("note: %s", note)
	}
	if !got.Same && got.Old != nil {
		say("a midstream that is running goes on with the old one until it is started again")
	}
}
