// A certificate authority for one test, with its files in a folder that goes with it.
#pragma once

#include <openssl/types.h>

#include <string>

namespace troth::internal {

class CertificateAuthority {
 public:
  CertificateAuthority();
  ~CertificateAuthority();
  CertificateAuthority(const CertificateAuthority&) = delete;
  CertificateAuthority& operator=(const CertificateAuthority&) = delete;

  std::string file() const { return folder_ + "/ca.pem"; }
  // Writes <name>.pem and <name>.key; `alternative` as in "DNS:localhost,IP:127.0.0.1".
  void Issue(const std::string& name, const std::string& alternative);
  std::string Certificate(const std::string& name) const { return folder_ + "/" + name + ".pem"; }
  std::string Key(const std::string& name) const { return folder_ + "/" + name + ".key"; }

 private:
  std::string folder_;
  EVP_PKEY* key_ = nullptr;
  X509* certificate_ = nullptr;
};

}  // namespace troth::internal
