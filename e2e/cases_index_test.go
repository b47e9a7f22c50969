package e2e

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// kinds are classes of faults that users of such proxies meet, and the tests that
// hold midstream to the right behaviour: a test that is renamed or left out is
// missed here.
var kinds = []struct{ id, what, tests string }{
	// Bodies that pass.
	{"C01", "an event stream that never ends is relayed event by event, with no option", "TestCasesPiecesOfEveryType TestEventsPassThroughAScript"},
	{"C02", "no size below which a body waits", "TestCasesPiecesOfEveryType TestPiecesPassAsTheyCome"},
	{"C03", "no lumps: each piece is flushed", "TestCasesPiecesOfEveryType"},
	{"C04", "events inside TLS, in every pair of versions", "TestVersionsEventByEvent"},
	{"C06", "tokens of a language model, whatever their type", "TestCasesPiecesOfEveryType TestOpenAIStreams TestHTTP2ChromiumEventSource"},
	{"C07", "a response before the request has ended", "TestGRPC TestCasesPingPong TestMessagesPassBothWaysAtOnceBetweenVersions"},
	{"C08", "message for message in both directions", "TestGRPC TestCasesPingPong"},
	{"C09", "trailers between versions", "TestGRPC TestVersionsHeads TestTrailersCookiesAndHostPassBetweenVersions"},
	{"C10", "a call without a body, and one of nothing but trailers", "TestGRPC TestCallsOverHTTP1 TestInterimAndEmptyResponsesPassBetweenVersions"},
	{"C11", "a record is bounded", "TestSoakDownload TestLargeBodyKeepsItsFirstPart TestPromises"},
	{"C12", "an upload is not kept in memory", "TestCasesBackpressure TestUploadPassesAsItComes"},
	{"C13", "who does not read stops who sends", "TestCasesBackpressure"},
	{"C15", "a client that leaves is no fault of the server", "TestCasesLeavingAStream TestClientLeaves"},
	{"C16", "a body is seen while it passes", "TestBodyIsFollowedWhileItPasses TestPageMessages"},
	{"C17", "large bodies pass, and the record says what it kept", "TestPromises TestStreamSize TestGit TestLargeBodyKeepsItsFirstPart"},
	{"C19", "requests and responses apart", "TestCasesDirectionsApart"},
	{"C20", "a request without a body ends with its head", "TestHTTP2EndsWithTheLastFrame TestVersionsOnTheWire"},
	{"C22", "a reset is passed on with its code", "TestVersionsResets"},
	{"C23", "no deadline for a whole exchange", "TestTunnelDeadlines TestPings"},
	{"C24", "recording is no reason to wait", "TestPiecesPassAsTheyCome TestAStandInKeepsTheTiming"},
	{"C26", "a match across pieces and inside a coding", "TestCasesReplacementAcrossPieces"},
	{"C27", "a large body at the rate of the link", "TestSoakDownload"},
	{"C28", "chunks of any length become frames within every window", "TestVersionsBodies TestTinyWindowsAreObeyed"},
	{"C30", "bodies around the sizes of windows and frames", "TestVersionsBodies TestBodiesOfEverySizePassBetweenVersions TestAWindowGrowsToWhatALongPathHolds"},
	{"C32", "intercepts are stages of a stream", "TestPageIntercept TestEventsPassThroughAScript"},
	{"C33", "events in every version, framing and way", "TestVersionsEventByEvent TestCasesPiecesOfEveryType"},
	{"C35", "a long message passes frame by frame, a deflated one is bounded", "TestSoakWebSocketMemory TestABombIsBounded"},
	{"C36", "memory does not grow with messages", "TestSoakWebSocketMemory"},

	// HTTP/1.
	{"C37", "a body of unknown length of HTTP/2 is sent in chunks", "TestVersionsOnTheWire TestVersionsBodies"},
	{"C38", "204, 304 and HEAD have no body and no framing added", "TestCasesResponseFraming TestCasesReplacedBodyWhereNoneCanBe TestVersionsOnTheWire"},
	{"C40", "HEAD keeps its length", "TestCasesResponseFraming"},
	{"C42", "what lasts until the close ends", "TestCasesResponseFraming"},
	{"C44", "2xx to CONNECT has no framing", "TestCasesConnectAnswers"},
	{"C45", "length and chunks", "TestCasesResponseFraming TestCasesRequestFraming TestCasesScriptsCannotSplit"},
	{"C46", "chunked twice", "TestCasesResponseFraming TestCasesRequestFraming"},
	{"C49", "8-bit octets in a target", "TestCasesRequestLines"},
	{"C50", "odd names of hosts", "TestOddNames"},
	{"C51", "addresses of IPv6", "TestIPv6Address TestUpstreamModeChain"},
	{"C52", "a scheme in upper case", "TestCasesRequestLines"},
	{"C54", "a target that names another host than the tunnel", "TestCasesRequestLines"},
	{"C55", "interim responses, at once", "TestCasesInterimAtOnce TestCasesResponseFraming TestVersionsHeads"},
	{"C56", "expectations", "TestCasesExpectContinue TestCasesRequestFields"},
	{"C58", "a second CONNECT on the connection of a refused one", "TestConnectIsRefusedAndAskedAgain TestCasesConnectAnswers"},
	{"C59", "malformed chunks", "TestCasesRequestChunks TestCasesResponseFraming TestCasesEndlessRequests"},
	{"C61", "white space around values of HTTP/2", "TestVersionsOnTheWire"},
	{"C62", "case, order and duplicates of fields", "TestCasesRequestFields TestCasesResponseFields"},
	{"C64", "what is sent again is what was written", "TestPageResend TestRawIsWhatStandsOnTheWire TestRequestsAreSentAgain"},

	// HTTP/2 and HTTP/3.
	{"C65", "cookies are one line of HTTP/1, Set-Cookie never is", "TestCasesFieldsBetweenVersions TestTrailersCookiesAndHostPassBetweenVersions TestVersionsHeads"},
	{"C67", "what a rule or a script adds has small letters over HTTP/2", "TestCasesFieldsBetweenVersions"},
	{"C68", "WebSocket on streams, before a server of either version", "TestHTTP2ExtendedConnect TestCasesWebSocketOnStreams TestHTTP2ChromiumWebSocket TestWebSocketVectors"},
	{"C69", "CONNECT on a stream to the proxy", "TestHTTP2ExtendedConnectToTheProxy TestHTTP2NodeTunnels TestTunnelsOnStreams TestConnectOnAStreamIsRefusedAsInHTTP1"},
	{"C71", "streams that have ended are forgotten", "TestStreamsThatHaveEndedAreForgotten"},
	{"C72", "connections that are idle, and ones that died", "TestPings TestWhatAServerDidNotProcessIsSentAgain"},
	{"C73", "many small requests at once over one connection", "TestCasesManyRequestsAtOnce TestVersionsManyStreams"},
	{"C75", "fields of HTTP/2 that would split a head", "TestHTTP2FieldsThatSplit TestCasesHeadsRefusedInBothVersions TestRequestHeads"},
	{"C77", "heads of 64 KiB", "TestLargeHeadsPassUpToTheLimit TestVersionsHeads"},
	{"C78", "HTTP/3 is not offered where it cannot be seen", "TestStripH3 TestAltSvc"},

	// WebSocket.
	{"C80", "compression with the parameters of each direction", "TestWebSocketVectors"},
	{"C82", "subprotocols are offered and chosen as they are said", "TestCasesWebSocketHandshakes TestCasesWebSocketOnStreams"},
	{"C83", "the server's own answer, and what lies behind it", "TestCasesWebSocketHandshakes TestCasesWebSocketOnStreams"},
	{"C85", "an upgrade goes where its tunnel does", "TestCasesWebSocketGoesWhereItsTunnelDoes"},

	// TLS, modes, files, scripts.
	{"C86", "names longer than a common name may be", "TestCasesLeaf"},
	{"C88", "renegotiation", "TestCasesRenegotiation"},
	{"C89", "old versions of TLS", "TestCasesOldTLS"},
	{"C90", "a small client key", "TestCasesSmallClientKey"},
	{"C91", "the client's own fingerprint", "TestOriginsSeeTheClientsFingerprint TestOwnHello"},
	{"C92", "what browsers want of a certificate", "TestCasesLeaf"},
	{"C93", "the protocol follows the server", "TestVersionsOnTheWire TestHTTP2ChromiumWebSocket"},
	{"C95", "SOCKS5 with its answers, and what is no HTTP in it", "TestSOCKSClients TestCasesRawOctetsInATunnel"},
	{"C96", "NTLM at a parent proxy", "TestUpstreamNTLM TestUpstreamNTLMIsLearnedFromARequest"},
	{"C98", "files of other versions, and cut ones", "TestOldVersionsAreRead TestACutFileGivesWhatItHas TestADamagedFlowDoesNotEndTheFile TestKilledSessionOpens"},
	{"C100", "a hook that waits holds its own flow only", "TestCasesWaitingHook"},
	{"C101", "large bodies in the page", "TestPageLargeBody TestPageMessages"},
	{"C102", "many small requests", "TestSoakRequests TestPageMillionRows TestOldBodiesGoFirst"},
	{"C104", "clients that vanish, and no files left", "TestVanishingClients TestOutOfFiles"},
	{"C105", "Encrypted ClientHello", "TestCasesEncryptedClientHello"},
	{"C107", "a list of revoked certificates", "TestCasesRevocationList"},
	{"C109", "an upload passes at once", "TestUploadPassesAsItComes TestCasesBackpressure"},
	{"C110", "a stream is replayed with its pieces and pauses", "TestARecordedStreamAnswersAsAMock TestAStandInKeepsTheTiming TestPiecesKeepTheirTimes"},
	{"C112", "a reset and GOAWAY, again and again", "TestHTTP2ResetAndGoAway TestResetAndGoAwayAtOnceLeaveNothing"},

	// Advisories against proxies.
	{"CVE-2021-39214", "one request seen, several forwarded", "TestNothingIsSmuggled TestCasesMutations TestCasesRequestFraming"},
	{"CVE-2022-24766", "white space and controls in names and values", "TestNothingIsSmuggled TestCasesRequestFields TestCasesMutations"},
	{"CVE-2025-57804", "fields of HTTP/2 that would split a head", "TestHTTP2FieldsThatSplit TestCasesHeadsRefusedInBothVersions"},
	{"CVE-2018-14505", "a page of another site at the control API", "TestTheGuard"},
	{"CVE-2025-23217", "the control API by way of the proxy", "TestCasesNeverItself"},
	{"GHSA-527g-3w9m-29hv", "odd users at the proxy", "TestProxyAuth TestProxyAuthRefuses"},
	{"CVE-2023-37788", "odd targets of CONNECT, and servers that fail", "TestCasesOddConnects TestCasesServerResets"},
	{"CVE-2023-46846", "a lenient reader of chunks", "TestCasesRequestChunks"},
	{"CVE-2023-46847", "credentials of 2 MB", "TestCasesEndlessRequests"},
	{"CVE-2023-46724", "odd certificates of servers", "TestCasesOddServerCertificates"},
	{"CVE-2023-50269", "a list of 1 MB", "TestCasesEndlessRequests"},
	{"CVE-2025-62168", "credentials on pages and in logs", "TestCasesPagesAndLogs TestRedaction"},
	{"CVE-2025-55315", "LF in an extension of a chunk", "TestCasesRequestChunks"},
	{"CVE-2023-35945", "resets and GOAWAY of a server", "TestResetAndGoAwayAtOnceLeaveNothing"},
	{"CVE-2022-41723", "many fields of an octet each", "TestABlockOfIndexedFieldsIsCountedToTheLimit"},
	{"CVE-2026-49975", "many fields of an octet each, and windows of 0 that hold them", "TestManyFieldsOfAnOctetEachAreBounded"},
	{"CVE-2023-44487", "rapid resets, endless heads, empty frames", "TestFloodsEndTheConnection"},
	{"CVE-2026-7168", "credentials for one parent proxy at another", "TestCredentialsForOneParent"},
	{"commands", "what is exported as a command runs as that and no more", "TestScriptsAreQuoted TestAnExportSendsWhatWasRecordedOverTLS"},
	{"files", "hostile files", "TestDamageIsAnErrorWithItsPlace TestSessionOfWhatever TestSoakFilesOfFlows"},
}

func TestCasesAreTested(t *testing.T) {
	t.Parallel()
	there := make(map[string]bool)
	declared := regexp.MustCompile(`(?m)^func (Test\w+)\(`)
	err := filepath.WalkDir("..", func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			if err == nil && d.Name() == "node_modules" {
				return filepath.SkipDir
			}
			return err
		}
		if !strings.HasSuffix(path, "_test.go") {
			return nil
		}
		source, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		for _, m := range declared.FindAllSubmatch(source, -1) {
			there[string(m[1])] = true
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	told := make(map[string]bool)
	for _, k := range kinds {
		if told[k.id] {
			t.Errorf("%s stands there twice", k.id)
		}
		told[k.id] = true
		for _, name := range strings.Fields(k.tests) {
			if !there[name] {
				t.Errorf("%s, %s: there is no test %s", k.id, k.what, name)
			}
		}
	}
}
