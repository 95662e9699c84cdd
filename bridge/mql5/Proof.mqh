//+------------------------------------------------------------------+
//| Proof.mqh: SHA-256, HMAC and numbers of chance                   |
//+------------------------------------------------------------------+
#define HASH_BLOCK 64
#define HASH_LENGTH 32
#define BRIDGE_PROOF "alavanca bridge 1"
#define ENGINE_PROOF "alavanca engine 1"

bool Sha256(ARRAY_IN(uchar, bytes), ARRAY_OUT(uchar, hash))
  {
   ARRAY(uchar, no_key);
   ArrayResize(no_key, 0);
   return CryptEncode(CRYPT_HASH_SHA256, bytes, no_key, hash) == HASH_LENGTH;
  }

// 64 lower-case hexadecimal digits, or nothing where the terminal could not compute it.
string HmacHex(ARRAY_IN(uchar, secret), const string text)
  {
   ARRAY(uchar, key);
   if(ArraySize(secret) > HASH_BLOCK)
     {
      if(!Sha256(secret, key))
         return "";
     }
   else
      ArrayCopy(key, secret);
   int key_length = ArraySize(key);
   ARRAY(uchar, message);
   int length = TextToBytes(text, message);
   ARRAY(uchar, inner);
   ARRAY(uchar, outer);
   ArrayResize(inner, HASH_BLOCK + length);
   ArrayResize(outer, HASH_BLOCK + HASH_LENGTH);
   for(int i = 0; i < HASH_BLOCK; i++)
     {
      int unit = i < key_length ? (int)key[i] : 0;
      inner[i] = (uchar)(unit ^ 54);
      outer[i] = (uchar)(unit ^ 92);
     }
   for(int i = 0; i < length; i++)
      inner[HASH_BLOCK + i] = message[i];
   ARRAY(uchar, inner_hash);
   if(!Sha256(inner, inner_hash))
      return "";
   for(int i = 0; i < HASH_LENGTH; i++)
      outer[HASH_BLOCK + i] = inner_hash[i];
   ARRAY(uchar, outer_hash);
   if(!Sha256(outer, outer_hash))
      return "";
   return Hex(outer_hash);
  }

// The first 16 hexadecimal digits of SHA-256: what a line of the journal ends with.
string Checksum(const string text)
  {
   ARRAY(uchar, bytes);
   TextToBytes(text, bytes);
   ARRAY(uchar, hash);
   if(!Sha256(bytes, hash))
      return "";
   return StringSubstr(Hex(hash), 0, 16);
  }

// Looks at every digit, whatever the first ones were: the time that it takes tells nothing.
bool SameProof(const string left, const string right)
  {
   if(StringLen(left) != 64 || StringLen(right) != 64)
      return false;
   int different = 0;
   for(int i = 0; i < 64; i++)
      different = different | ((int)StringGetCharacter(left, i) ^ (int)StringGetCharacter(right, i));
   return different == 0;
  }

ulong chances_drawn = 0;

// 64 hexadecimal digits that nobody without the secret can foresee, and that do not come twice.
string Chance(ARRAY_IN(uchar, secret), const string purpose)
  {
   chances_drawn++;
   string text = purpose + "\n" + NumberText(chances_drawn) + "\n" + NumberText(GetMicrosecondCount()) + "\n" +
                 NumberText(GetTickCount64()) + "\n" + NumberText((ulong)(long)TimeLocal()) + "\n" +
                 NumberText((ulong)MathRand()) + "\n" + NumberText((ulong)ChartID());
   return HmacHex(secret, text);
  }
