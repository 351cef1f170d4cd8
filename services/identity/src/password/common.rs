//! What is tried first. Kept by hand; in lower case.

/// Words that make a bad password even with digits and signs before or after them.
#[rustfmt::skip]
pub(super) const STEMS: &[&str] = &[
    "aaa", "abc", "abcd", "abcdef", "abcdefg", "access", "admin", "administrator", "airforce",
    "alexander", "amanda", "amazon", "america", "andrea", "andrew", "android", "angel", "anthony",
    "apple", "april", "army", "arsenal", "asdf", "asdfgh", "asdfghjkl", "ashley", "asshole",
    "august", "australia", "autumn", "azerty", "babyboy", "babygirl", "backup", "bailey",
    "banana", "barcelona", "baseball", "basketball", "batman", "berlin", "bienvenue", "biteme",
    "blessed", "blue", "bonjour", "brazil", "buddy", "bullshit", "business", "buster",
    "butterfly", "canada", "champion", "changeme", "charlie", "cheese", "chelsea", "china",
    "chocolate", "christ", "coffee", "college", "company", "computer", "contrasena", "cookie",
    "correcthorsebatterystaple", "corvette", "cowboy", "cowboys", "daniel", "database", "debian",
    "december", "default", "demo", "diamond", "doctor", "dragon", "eagles", "elizabeth",
    "england", "example", "facebook", "falcon", "family", "february", "ferrari", "flower",
    "football", "forever", "freedom", "friday", "friend", "friends", "fuckyou", "fussball",
    "gamer", "gandalf", "george", "germany", "ginger", "golden", "golf", "google", "guest",
    "hacker", "hallo", "hannah", "hanse", "happy", "harley", "haslo", "heaven", "hello", "herbst",
    "heslo", "hockey", "honda", "honey", "hunter", "iloveu", "iloveyou", "india", "internet",
    "iphone", "january", "jennifer", "jessica", "jesus", "jordan", "joshua", "july", "june",
    "juventus", "killer", "lakers", "legend", "letmein", "linux", "lion", "liverpool", "login",
    "london", "love", "lovely", "lover", "loveyou", "lucky", "maggie", "manchester", "march",
    "maria", "marine", "master", "matrix", "matthew", "maverick", "maximilian", "mercedes",
    "merlin", "mexico", "michael", "michelle", "microsoft", "monday", "monkey", "motdepasse",
    "mustang", "naruto", "navy", "network", "nicole", "ninja", "nissan", "november", "nurse",
    "october", "office", "opensesame", "orange", "paris", "parola", "pass", "passwd", "password",
    "passwort", "pepper", "phoenix", "player", "please", "poiuytrewq", "pokemon", "police",
    "porsche", "princess", "purple", "pussy", "qazwsx", "qwe", "qweasd", "qweasdzxc", "qwerty",
    "qwertz", "rainbow", "ranger", "realmadrid", "robert", "root", "russia", "salasana",
    "samantha", "sample", "samsung", "samurai", "saturday", "school", "scorpion", "scotland",
    "secret", "security", "senha", "september", "server", "sexy", "shadow", "silver", "smile",
    "soccer", "soldier", "sommer", "sophie", "spiderman", "spring", "starwars", "steelers",
    "student", "summer", "sunday", "sunshine", "superman", "sweetheart", "sweety", "system",
    "teacher", "temp", "temporary", "tennis", "test", "tester", "testing", "thankyou", "thomas",
    "thunder", "thursday", "tiger", "toyota", "trustno", "tuesday", "ubuntu", "university",
    "user", "victoria", "wachtwoord", "warrior", "wednesday", "welcome", "whatever", "william",
    "willkommen", "windows", "winner", "winter", "wizard", "xxx", "yamaha", "yankees", "yellow",
    "zxcvbn", "zxcvbnm", "zzz",
];

/// Whole passwords.
#[rustfmt::skip]
pub(super) const LIST: &[&str] = &[
    "!@#$%^&*", "!@#$%^&*()", "!qaz2wsx", "00000000", "0123456789", "10101010", "10203040",
    "11111111", "11223344", "12121212", "123123123", "123321123", "12341234", "12344321",
    "123456789", "1234567890", "12345678910", "123456abc", "12345abc", "1234abcd", "1234asdf",
    "1234qwer", "123abc123", "123qwe!@#", "123qweasd", "147258369", "159753456", "19901990",
    "19951995", "1a2b3c4d", "1q2w3e4r", "1q2w3e4r5t", "1qaz2wsx", "1qaz@wsx", "1qazxsw2",
    "20002000", "20202020", "22222222", "27182818", "31415926", "33333333", "44444444",
    "55555555", "66666666", "741852963", "77777777", "789456123", "88888888", "987654321",
    "9876543210", "99999999", "a12345678", "a123456789", "a1b2c3d4", "a1s2d3f4", "aa123456",
    "aa12345678", "abc12345", "abcd1234", "abcd@1234", "admin@123", "asd123asd", "asdf1234",
    "correct horse battery staple", "dragonball", "i love you", "india@123", "let me in please",
    "open sesame", "p@ss1234", "pass1234", "pass@123", "password password", "q1w2e3r4",
    "q1w2e3r4t5", "q2w3e4r5", "qazwsx123", "qazwsxedc", "qwe123qwe", "qwer1234", "qwerty@123",
    "root@123", "test@123", "the quick brown fox", "trustno1", "welcome@1", "x12345678",
    "zaq12wsx", "zxc123zxc",
];
