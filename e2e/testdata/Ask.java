// Asks for the URLs with both clients of Java, as they come.
import java.io.InputStream;
import java.net.HttpURLConnection;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse.BodyHandlers;

public class Ask {
    public static void main(String[] urls) throws Exception {
        for (String url : urls) {
            HttpURLConnection c = (HttpURLConnection) URI.create(url).toURL().openConnection();
            try (InputStream in = c.getInputStream()) {
                System.out.print(new String(in.readAllBytes()));
            }
            HttpClient client = HttpClient.newHttpClient();
            System.out.print(client.send(HttpRequest.newBuilder(URI.create(url)).build(), BodyHandlers.ofString()).body());
        }
    }
}
