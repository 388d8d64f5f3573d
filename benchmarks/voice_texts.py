"""Sentences that voices are judged by, none of which a network was trained on.

What an assistant says all day, and what is hard to read: figures, names, abbreviations,
words that are written alike. Knows nothing of who reads them.
"""

from __future__ import annotations

EVERYDAY = (
    "Sure, I can help you with that.",
    "Your appointment is confirmed for Thursday afternoon.",
    "I'm sorry, I didn't catch that. Could you say it again?",
    "The weather tomorrow will be mostly sunny, with a light breeze in the evening.",
    "Would you like me to book a table for two?",
    "Your order has been shipped and should arrive within three days.",
    "Let me check that for you, it will only take a moment.",
    "The nearest pharmacy is open until ten tonight.",
    "You have three new messages, and the first one is from your sister.",
    "Turn left at the next crossing, then walk straight ahead.",
    "That's a great question, and the answer may surprise you.",
    "I've set a timer for twenty minutes.",
    "Please hold the line while I connect you to a colleague.",
    "Which of these two flights would you prefer?",
    "The meeting was moved to half past four because of the traffic.",
    "Is there anything else I can do for you today?",
    "Thank you for calling, and have a lovely weekend.",
    "To reset your password, open the settings and choose security.",
    "No problem, I will cancel the booking right away.",
    "The museum is closed on Mondays, but the garden is always open.",
    "Good morning! How did you sleep?",
    "Put the rice in cold water first, and let it stand for an hour.",
    "Your battery is almost empty, so please plug in the charger.",
    "I found several recipes with chicken, garlic, and lemon.",
)

HARD = (
    "Dr. Kowalski will see you on 3/14/2026 at 2:45 p.m. in room 12B.",
    "Please transfer $1,249.99 to account 4471-0932 by the 21st.",
    "Wi-Fi is free, but the FAQ says that JSON files above 5 MB are refused.",
    "I live in Reading, and I like reading live reviews.",
    "Karen, Patricia and Siobhan moved from Mallorca to Edinburgh in 1998.",
    "The wind was too strong to wind up the kite.",
    "Mix 250 ml of milk with 3/4 cup of flour and bake at 180°C for 35 min.",
    "She didn't object to the object, but they refuse to take the refuse.",
    "Flight BA2490 to Reykjavik leaves gate C17 at 06:05.",
    "Call 555-0142 or write to help@example.com before Friday.",
    "Prof. Nguyen's lecture on Kubernetes starts at 9 a.m. sharp.",
    "The thief thought that three thin things were thrown through there.",
    "He wound a bandage around the wound close to his elbow.",
    "Our Q3 revenue rose by 12.5% to €4.2bn, said the CFO.",
    "Worcestershire sauce, quinoa, and bouillabaisse are on aisle 7.",
    "Bring 2 kg of potatoes, 6 eggs, and 1.5 l of oat milk.",
    "Louise Garcia lives at 221 W. 46th St., Apt. 5, New York.",
    "A sixth sick sheikh's sixth sheep is sick.",
    "The lead singer tripped over a pipe made of lead.",
    "Take the A4 to junction 11, then the B3350 for 2.5 miles.",
    "Version 3.12.1 fixes a bug in the SQL parser; see issue #408.",
    "Can you can a can as a canner can can a can?",
    "The Sioux chief met Yosemite rangers near Tucson, Arizona.",
    "Beethoven's 9th and Dvorak's New World Symphony are both in minor keys.",
)
