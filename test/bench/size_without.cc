// A program without the coordinator: what size_with.cc is compared with.
#include <iostream>
#include <string>

int main(int, char** words) {
  const std::string name = words[0];
  std::cout << name << std::endl;
  return 0;
}
