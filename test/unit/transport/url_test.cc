#include "model/url.h"

#include <doctest/doctest.h>

namespace troth::internal {
namespace {

HttpUrl Parsed(std::string_view url) {
  Result<HttpUrl> result = ParseHttpUrl(url);
  CAPTURE(url);
  CAPTURE(result.status());
  REQUIRE(result.ok());
  return std::move(result).value();
}

TEST_CASE("url: host, port and target of http and https") {
  const HttpUrl plain = Parsed("http://bank.example/a/b?c=d");
  CHECK_FALSE(plain.tls);
  CHECK(plain.host == "bank.example");
  CHECK(plain.port == 80);
  CHECK(plain.target == "/a/b?c=d");
  const HttpUrl secure = Parsed("https://bank.example:8443/");
  CHECK(secure.tls);
  CHECK(secure.port == 8443);
  CHECK(Parsed("https://bank.example").port == 443);
  CHECK(Parsed("http://my_host-1.internal:1/x").host == "my_host-1.internal");
  CHECK(Parsed("http://h:65535").port == 65535);
}

TEST_CASE("url: scheme and host are read without case, the target keeps its own") {
  const HttpUrl url = Parsed("HTTPS://Bank.EXAMPLE/Path?Q=Z");
  CHECK(url.tls);
  CHECK(url.host == "bank.example");
  CHECK(url.target == "/Path?Q=Z");
}

TEST_CASE("url: an empty path becomes a slash, also before a query") {
  CHECK(Parsed("http://h").target == "/");
  CHECK(Parsed("http://h?a=1").target == "/?a=1");
  CHECK(Parsed("http://h#f").target == "/");
}

TEST_CASE("url: the fragment is dropped") {
  CHECK(Parsed("http://h/a?b=c#d?e").target == "/a?b=c");
  CHECK(Parsed("http://h/#").target == "/");
}

TEST_CASE("url: escapes are kept as they are, and other bytes become escapes") {
  CHECK(Parsed("http://h/a%20b%2Fc?x=%2B+1").target == "/a%20b%2Fc?x=%2B+1");
  CHECK(Parsed("http://h/\xC3\xA4?\xFF").target == "/%C3%A4?%FF");
}

TEST_CASE("url: IPv6 hosts lose their brackets") {
  CHECK(Parsed("http://[::1]/").host == "::1");
  const HttpUrl url = Parsed("https://[2001:DB8::A]:8443/x");
  CHECK(url.host == "2001:db8::a");
  CHECK(url.port == 8443);
}

TEST_CASE("url: what is not an http URL is refused with a reason") {
  for (const char* url : {"",
                          "h",
                          "http:",
                          "http:/h",
                          "http://",
                          "https:///path",
                          "http://?a",
                          "ftp://h/",
                          "//h/",
                          "local:a",
                          "http://:80/",
                          "http://.h/",
                          "http://h:/",
                          "http://h:0/",
                          "http://h:65536/",
                          "http://h:123456/",
                          "http://h:-1/",
                          "http://h:+80/",
                          "http://h:8x/",
                          "http://h:80:80/",
                          "http://::1/",
                          "http://[::1",
                          "http://[::1]x/",
                          "http://[::1]:/",
                          "http://[]/",
                          "http://[1.2.3.4]/",
                          "http://[::1%25eth0]/",
                          "http://h%41/",
                          "http://h\\x/",
                          "http://b\xC3\xA4nk/"}) {
    CAPTURE(url);
    const Result<HttpUrl> result = ParseHttpUrl(url);
    REQUIRE_FALSE(result.ok());
    CHECK(result.status().code() == StatusCode::kInvalidArgument);
    CHECK(result.status().message().starts_with("URL: "));
  }
  CHECK_FALSE(ParseHttpUrl("http://" + std::string(254, 'a')).ok());
}

TEST_CASE("url: user info is refused, for it would be stored") {
  for (const char* url : {"http://user@h/", "http://user:secret@h/", "http://@h/"}) {
    CAPTURE(url);
    REQUIRE_FALSE(ParseHttpUrl(url).ok());
    CHECK(ParseHttpUrl(url).status().message().find("secret") == std::string::npos);
  }
  CHECK(Parsed("http://h/@x").target == "/@x");
}

TEST_CASE("url: CR, LF, NUL, tabs and blanks are refused everywhere") {
  using namespace std::string_view_literals;
  for (const std::string_view bad : {"\r"sv, "\n"sv, "\0"sv, "\t"sv, " "sv, "\x7F"sv}) {
    CHECK_FALSE(ParseHttpUrl(std::string("http://h/a").append(bad) + "b").ok());
    CHECK_FALSE(ParseHttpUrl(std::string("http://h").append(bad) + "/").ok());
    CHECK_FALSE(ParseHttpUrl("http://h/?q=" + std::string(bad)).ok());
    CHECK_FALSE(ParseHttpUrl(std::string(bad) + "http://h/").ok());
    CHECK_FALSE(ParseLocalUrl("local:a" + std::string(bad)).ok());
    CHECK_FALSE(ParseLocalUrl("local:a?b" + std::string(bad)).ok());
  }
}

TEST_CASE("url: local names with and without a query") {
  const Result<LocalUrl> plain = ParseLocalUrl("local:reserve");
  REQUIRE(plain.ok());
  CHECK(plain->name == "reserve");
  CHECK(plain->query.empty());
  const Result<LocalUrl> query = ParseLocalUrl("local:stock.v2_a-b?warehouse=3&x=?");
  REQUIRE(query.ok());
  CHECK(query->name == "stock.v2_a-b");
  CHECK(query->query == "warehouse=3&x=?");
  for (const char* url : {"local:", "local:?a", "local:a/b", "local:a b", "local:\xC3\xA4",
                          "LOCAL:a", "http://h/", "local://a"}) {
    CAPTURE(url);
    CHECK_FALSE(ParseLocalUrl(url).ok());
  }
}

TEST_CASE("url: a local name has 1 to 64 characters of a small set") {
  CHECK(IsLocalName(std::string(64, 'a')));
  CHECK_FALSE(IsLocalName(std::string(65, 'a')));
  CHECK_FALSE(IsLocalName(""));
  CHECK(IsLocalName("A.b_c-9"));
  CHECK_FALSE(IsLocalName("a:b"));
}

TEST_CASE("url: the host key names scheme, host and port, and all local functions share one") {
  CHECK(HostKey("HTTPS://Bank.example/x?y") == "https://bank.example:443");
  CHECK(HostKey("http://bank.example") == "http://bank.example:80");
  CHECK(HostKey("http://bank.example:8080/a") == HostKey("http://BANK.example:8080/b"));
  CHECK(HostKey("http://[::1]:8080/") == "http://[::1]:8080");
  CHECK(HostKey("local:a") == HostKey("local:b?c"));
  CHECK(HostKey("local:a") == "local:");
  CHECK(HostKey("nonsense").empty());
}

TEST_CASE("url: the call's parameters are added to the query, which is kept") {
  const BranchContext context{
      .gid = "g 1&x", .trans_type = "saga", .branch_id = "02", .op = "action"};
  const std::string added = "gid=g%201%26x&trans_type=saga&branch_id=02&op=action";
  CHECK(WithCallQuery("http://h/a", context) == "http://h/a?" + added);
  CHECK(WithCallQuery("http://h", context) == "http://h?" + added);
  CHECK(WithCallQuery("http://h/a?b=c+d%20", context) == "http://h/a?b=c+d%20&" + added);
  CHECK(WithCallQuery("http://h/a?", context) == "http://h/a?" + added);
  CHECK(WithCallQuery("http://h/a?b&", context) == "http://h/a?b&" + added);
  // A query may end with a question mark: it is part of the last value.
  CHECK(WithCallQuery("http://h/a?b=why?", context) == "http://h/a?b=why?&" + added);
  CHECK(WithCallQuery("http://h/a#f?g", context) == "http://h/a?" + added);
  CHECK(Parsed(WithCallQuery("http://h", context)).target == "/?" + added);
}

TEST_CASE("url: the coordinator's address and the second phase's URL are sent where they are set") {
  const BranchContext context{.gid = "g",
                              .trans_type = "xa",
                              .branch_id = "01",
                              .op = "action",
                              .coordinator = "http://tm/api",
                              .phase2_url = "http://h/x"};
  CHECK(WithCallQuery("http://h/x", context) ==
        "http://h/x?gid=g&trans_type=xa&branch_id=01&op=action&dtm=http%3A%2F%2Ftm%2Fapi&"
        "phase2_url=http%3A%2F%2Fh%2Fx");
}

}  // namespace
}  // namespace troth::internal
