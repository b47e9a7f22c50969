package browser

import "strings"

// Setting is what a browser has to be told.
type Setting struct {
	Proxy string // host:port
	// LeafKey is the hash of the key that midstream's certificates carry, base64.
	LeafKey string
	// CAFile has the certificate of the CA, PEM.
	CAFile string
	// URL is the first page; "" opens an empty one.
	URL string
	// Args are further words for the program.
	Args []string
}

// quiet are the features of Chromium that talk to its makers without being asked.
var quiet = []string{
	"AutofillServerCommunication", "CertificateTransparencyComponentUpdater", "DialMediaRouteProvider", "InterestFeedContentSuggestions",
	"MediaRouter", "NetworkTimeServiceQuerying", "OptimizationGuideModelDownloading", "OptimizationHints", "OptimizationHintsFetching", "SafeBrowsingEnhancedProtection",
	"Translate", "HttpsUpgrades", "PrivacySandboxSettings4", "AsyncDns",
}

// chromium is the line for Chromium and its kin. The pin needs a profile given on
// the line, and holds for the certificates of this one midstream only; QUIC would
// go past the proxy.
func (p Program) chromium(profile string, s Setting) []string {
	line := []string{
		p.Path,
		"--user-data-dir=" + profile,
		"--proxy-server=http://" + s.Proxy,
		"--proxy-bypass-list=<-loopback>",
		"--ignore-certificate-errors-spki-list=" + s.LeafKey,
		"--disable-quic",
		"--no-first-run",
		"--no-default-browser-check",
		"--disable-background-networking",
		"--disable-breakpad",
		"--disable-client-side-phishing-detection",
		"--disable-component-extensions-with-background-pages",
		"--disable-component-update",
		"--disable-default-apps",
		"--disable-domain-reliability",
		"--disable-field-trial-config",
		"--disable-sync",
		// Nothing answers at these: there is no switch that keeps Chromium from
		// asking for the accounts of the user and for new parts of itself.
		"--gaia-url=http://127.0.0.1:0/",
		"--component-updater=url-source=http://127.0.0.1:0/",
		"--metrics-recording-only",
		"--no-pings",
		"--password-store=basic",
		"--use-mock-keychain",
		"--disable-features=" + strings.Join(quiet, ","),
	}
	line = append(line, s.Args...)
	if s.URL == "" {
		s.URL = "about:blank"
	}
	return append(line, s.URL)
}

// Line returns the program and its words for a profile that has been prepared.
func (p Program) Line(profile Profile, s Setting) []string {
	if p.Kind == Firefox {
		return p.firefox(profile.Dir, s)
	}
	return p.chromium(profile.Dir, s)
}
