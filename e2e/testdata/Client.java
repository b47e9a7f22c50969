// The round that every client makes, with Java's HttpClient. The authority comes
// from the system property javax.net.ssl.trustStore.
import java.io.ByteArrayInputStream;
import java.io.InputStream;
import java.net.InetSocketAddress;
import java.net.ProxySelector;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpRequest.BodyPublishers;
import java.net.http.HttpResponse;
import java.net.http.HttpResponse.BodyHandlers;
import java.util.Iterator;
import java.util.stream.Stream;

public class Client {
    static final String ORIGIN = System.getenv("ORIGIN");
    static HttpClient client;

    static HttpRequest.Builder to(String path) {
        return HttpRequest.newBuilder(URI.create(ORIGIN + path));
    }

    static HttpResponse<String> ask(HttpRequest r) throws Exception {
        return client.send(r, BodyHandlers.ofString());
    }

    public static void main(String[] args) throws Exception {
        URI proxy = URI.create(System.getenv("PROXY"));
        client = HttpClient.newBuilder().version(HttpClient.Version.HTTP_1_1)
            .proxy(ProxySelector.of(new InetSocketAddress(proxy.getHost(), proxy.getPort()))).build();
        byte[] data = "0123456789".repeat(100000).getBytes();

        HttpResponse<String> r = ask(to("/hello").build());
        System.out.println("hello " + r.statusCode() + " " + r.body().trim());
        System.out.println("upload " + ask(to("/sink?upload").POST(BodyPublishers.ofByteArray(data)).build()).body().trim());
        InputStream parts = new ByteArrayInputStream(data);
        System.out.println("chunked " + ask(to("/sink?chunked").POST(BodyPublishers.ofInputStream(() -> parts)).build()).body().trim());
        HttpResponse<Stream<String>> events = client.send(to("/events?id=round&n=5").build(), BodyHandlers.ofLines());
        String first = null, second = null;
        for (Iterator<String> lines = events.body().iterator(); lines.hasNext();) {
            String line = lines.next();
            if (!line.isEmpty()) {
                if (first == null) first = line;
                else second = line;
                continue;
            }
            if (first.startsWith("id: ")) {
                System.out.println(second.substring("data: ".length()));
                ask(to("/ack?id=round").build());
            } else {
                System.out.println("end " + second.substring("data: ".length()));
            }
            first = second = null;
        }
    }
}
