package browser

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

// firefoxPrefs are the settings of a profile besides those of the proxy, as
// user.js has them: nothing but the pages asked for goes out, and no question is
// asked first.
const firefoxPrefs = `user_pref("network.proxy.type", 1);
user_pref("network.proxy.share_proxy_settings", true);
user_pref("network.proxy.no_proxies_on", "");
user_pref("network.proxy.allow_hijacking_localhost", true);
user_pref("network.proxy.failover_direct", false);
user_pref("network.http.http3.enable", false);
user_pref("network.trr.mode", 5);
user_pref("network.captive-portal-service.enabled", false);
user_pref("network.connectivity-service.enabled", false);
user_pref("network.dns.disablePrefetch", true);
user_pref("network.prefetch-next", false);
user_pref("network.predictor.enabled", false);
user_pref("network.http.speculative-parallel-limit", 0);
user_pref("dom.security.https_only_mode", false);
user_pref("dom.security.https_first", false);
user_pref("security.OCSP.enabled", 0);
user_pref("security.remote_settings.crlite_filters.enabled", false);
user_pref("security.remote_settings.intermediates.enabled", false);
user_pref("app.normandy.enabled", false);
user_pref("app.shield.optoutstudies.enabled", false);
user_pref("app.update.auto", false);
user_pref("app.update.enabled", false);
user_pref("browser.aboutwelcome.enabled", false);
user_pref("browser.contentblocking.report.lockwise.enabled", false);
user_pref("browser.discovery.enabled", false);
user_pref("browser.newtabpage.activity-stream.feeds.system.topstories", false);
user_pref("browser.newtabpage.activity-stream.feeds.topsites", false);
user_pref("browser.newtabpage.activity-stream.showSponsored", false);
user_pref("browser.newtabpage.activity-stream.showSponsoredTopSites", false);
user_pref("browser.newtabpage.enabled", false);
user_pref("browser.ping-centre.telemetry", false);
user_pref("browser.region.update.enabled", false);
user_pref("browser.region.network.url", "");
user_pref("browser.safebrowsing.blockedURIs.enabled", false);
user_pref("browser.safebrowsing.downloads.enabled", false);
user_pref("browser.safebrowsing.malware.enabled", false);
user_pref("browser.safebrowsing.phishing.enabled", false);
user_pref("browser.search.update", false);
user_pref("browser.shell.checkDefaultBrowser", false);
user_pref("browser.startup.homepage", "about:blank");
user_pref("browser.startup.homepage_override.mstone", "ignore");
user_pref("browser.startup.page", 0);
user_pref("browser.topsites.contile.enabled", false);
user_pref("browser.translations.enable", false);
user_pref("browser.urlbar.quicksuggest.enabled", false);
user_pref("datareporting.healthreport.uploadEnabled", false);
user_pref("datareporting.policy.dataSubmissionEnabled", false);
user_pref("datareporting.policy.dataSubmissionPolicyBypassNotification", true);
user_pref("datareporting.usage.uploadEnabled", false);
user_pref("dom.push.connection.enabled", false);
user_pref("extensions.blocklist.enabled", false);
user_pref("extensions.getAddons.cache.enabled", false);
user_pref("extensions.systemAddon.update.enabled", false);
user_pref("extensions.update.enabled", false);
user_pref("geo.provider.network.url", "");
user_pref("media.gmp-manager.url", "");
user_pref("media.gmp-manager.updateEnabled", false);
user_pref("messaging-system.rsexperimentloader.enabled", false);
user_pref("services.settings.server", "data:,#remote-settings-dummy/v1");
user_pref("toolkit.telemetry.enabled", false);
user_pref("toolkit.telemetry.unified", false);
user_pref("toolkit.telemetry.server", "");
user_pref("trailhead.firstrun.didSeeAboutWelcome", true);
user_pref("termsofuse.bypassNotification", true);
`

// firefox is the line for Firefox.
func (p Program) firefox(profile string, s Setting) []string {
	line := append([]string{p.Path, "--no-remote", "--profile", profile}, s.Args...)
	if s.URL != "" {
		line = append(line, s.URL)
	}
	return line
}

// Environ adds to the environment what the program needs besides: Firefox takes
// the server of its settings from a profile only so.
func (p Program) Environ(env []string) []string {
	if p.Kind == Firefox {
		return append(slices.Clip(env), "MOZ_REMOTE_SETTINGS_DEVTOOLS=1")
	}
	return env
}

// errCertutil is why Firefox cannot be prepared.
var errCertutil = errors.New("a profile of Firefox gets a certificate by the program certutil of NSS only: " +
	"install it (apt install libnss3-tools, dnf install nss-tools, brew install nss), or use --browser chromium")

// Prepare writes into the profile what the command line cannot say.
func (p Program) Prepare(ctx context.Context, profile Profile, s Setting) error {
	if p.Kind != Firefox {
		return nil
	}
	host, port, err := net.SplitHostPort(s.Proxy)
	if err != nil {
		return fmt.Errorf("prepare the profile of %s: %w", p.Name, err)
	}
	n, err := strconv.ParseUint(port, 10, 16)
	if err != nil {
		return fmt.Errorf("prepare the profile of %s: port %q of the proxy", p.Name, port)
	}
	var prefs strings.Builder
	prefs.WriteString(firefoxPrefs)
	for _, kind := range []string{"http", "ssl"} {
		fmt.Fprintf(&prefs, "user_pref(\"network.proxy.%s\", %q);\nuser_pref(\"network.proxy.%s_port\", %d);\n", kind, host, kind, n)
	}
	if err := os.WriteFile(filepath.Join(profile.Dir, "user.js"), []byte(prefs.String()), 0o600); err != nil {
		return fmt.Errorf("prepare the profile of %s: %w", p.Name, err)
	}
	certutil, err := exec.LookPath("certutil")
	if err != nil {
		return errCertutil
	}
	db := "sql:" + profile.Dir
	for _, args := range [][]string{
		{"-N", "--empty-password", "-d", db},
		{"-A", "-d", db, "-n", "midstream", "-t", "C,,", "-i", s.CAFile},
	} {
		if out, err := exec.CommandContext(ctx, certutil, args...).CombinedOutput(); err != nil {
			return fmt.Errorf("prepare the profile of %s: certutil %s: %w: %s", p.Name, args[0], err, strings.TrimSpace(string(out)))
		}
	}
	return nil
}
