import { assertEquals } from "@std/assert";
import { httpsUrl, redirect } from "../../../../src/proc/edge/redirect.ts";

Deno.test("who came by the default port goes on by the default port", () => {
  assertEquals(httpsUrl("http://example.org/a?b=//c", 8443), "https://example.org/a?b=//c");
  assertEquals(httpsUrl("http://example.org:80/", 8443), "https://example.org/");
  assertEquals(httpsUrl("http://[::1]/", 8443), "https://[::1]/");
});

Deno.test("who named a port is led to the server's own", () => {
  assertEquals(httpsUrl("http://localhost:8080/a", 8443), "https://localhost:8443/a");
  assertEquals(httpsUrl("http://[::1]:8080/a", 8443), "https://[::1]:8443/a");
  assertEquals(httpsUrl("http://localhost:8080/a", 443), "https://localhost/a");
});

Deno.test("a location is ASCII, whatever the target was", () => {
  const location = redirect("http://a/é\ud800?\u{1f600}", 443).headers.get("location");
  assertEquals(location, "https://a/%C3%A9%EF%BF%BD?%F0%9F%98%80");
});
