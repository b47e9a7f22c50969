package onboard

import (
	"bytes"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/xml"
	"fmt"
)

// mobileConfig makes the profile that iOS and macOS install a root certificate
// from. Its identifiers follow from the certificate, so that the same one is
// installed once, and another one beside it.
func mobileConfig(cert *x509.Certificate) ([]byte, error) {
	sum := sha256.Sum256(cert.Raw)
	name := cert.Subject.CommonName
	if name == "" {
		name = "midstream"
	}
	var title bytes.Buffer
	if err := xml.EscapeText(&title, []byte(name+" certificate authority")); err != nil {
		return nil, fmt.Errorf("write the profile: %w", err)
	}
	var b bytes.Buffer
	fmt.Fprintf(&b, `<?xml version="1.0" encoding="UTF-8"?>
<!DOCTYPE plist PUBLIC "-//Apple//DTD PLIST 1.0//EN" "http://www.apple.com/DTDs/PropertyList-1.0.dtd">
<plist version="1.0">
<dict>
	<key>PayloadContent</key>
	<array>
		<dict>
			<key>PayloadCertificateFileName</key><string>midstream-ca-cert.cer</string>
			<key>PayloadContent</key><data>%[1]s</data>
			<key>PayloadDescription</key><string>Lets this device accept what midstream shows it</string>
			<key>PayloadDisplayName</key><string>%[2]s</string>
			<key>PayloadIdentifier</key><string>internal.midstream.ca.%[3]x.root</string>
			<key>PayloadType</key><string>com.apple.security.root</string>
			<key>PayloadUUID</key><string>%[4]s</string>
			<key>PayloadVersion</key><integer>1</integer>
		</dict>
	</array>
	<key>PayloadDescription</key><string>The certificate of the midstream that this device uses as its proxy. Remove it when you are done.</string>
	<key>PayloadDisplayName</key><string>%[2]s</string>
	<key>PayloadIdentifier</key><string>internal.midstream.ca.%[3]x</string>
	<key>PayloadRemovalDisallowed</key><false/>
	<key>PayloadType</key><string>Configuration</string>
	<key>PayloadUUID</key><string>%[5]s</string>
	<key>PayloadVersion</key><integer>1</integer>
</dict>
</plist>
`, base64.StdEncoding.EncodeToString(cert.Raw), title.String(), sum[:4], uuid(sum[:16]), uuid(sum[16:]))
	return b.Bytes(), nil
}

// uuid writes 16 octets as a UUID made from a hash (RFC 9562 section 5.8).
func uuid(p []byte) string {
	u := bytes.Clone(p)
	u[6], u[8] = u[6]&0x0f|0x80, u[8]&0x3f|0x80
	return fmt.Sprintf("%X-%X-%X-%X-%X", u[:4], u[4:6], u[6:8], u[8:10], u[10:16])
}
