"""What the responder can answer without parameters: talk, time, and a few facts."""

from __future__ import annotations

from voiceserver.engines.responder.questions import Question

ABILITIES = (
    "tell the time and the date, do sums, spell, count, set timers and repeat after you"
)
# Tells an answer that explained what this is from others; see ``responder``.
NO_MODEL = "No language model is set up on this server"


def _asks(text: str) -> tuple[str, ...]:
    return tuple(line.strip() for line in text.strip().splitlines())


STANDARD = (
    Question(
        _asks("""
            hello
            hi
            hey
            hello there
            hi there
            hey there
            good morning
            good afternoon
            good evening
        """),
        "Good {part_of_day}! What can I do for you?",
        "greeting",
    ),
    Question(
        _asks("""
            how are you
            hello how are you
            hi how are you
            how are you doing
            how are you today
            how do you do
            how is it going
            nice to meet you
        """),
        "I am well, thank you. What can I do for you?",
        "how_are_you",
    ),
    Question(
        _asks("""
            thanks
            thank you
            thanks a lot
            thank you very much
            thank you so much
            okay thank you
            great thank you
        """),
        "You are welcome.",
        "thanks",
    ),
    Question(
        _asks("""
            goodbye
            good bye
            bye
            bye bye
            good night
            see you later
            see you
            talk to you later
            that is all
        """),
        "Goodbye!",
        "goodbye",
    ),
    Question(
        _asks("""
            help
            help me
            can you help me
            what can you do
            what can i ask you
            what can i ask
            what can i say
            what do you know
            what are you able to do
            how do you work
            how does this work
        """),
        "I can {abilities}.{example}",
        "help",
    ),
    Question(
        _asks("""
            who are you
            what are you
            what is your name
            who am i talking to
            who is this
            are you a robot
            are you a human
            are you a person
            are you real
            are you a language model
            introduce yourself
        """),
        "I am {name}, a voice server. Simple rules give my answers, not a language "
        "model.",
        "who_are_you",
    ),
    Question(
        _asks("""
            can you hear me
            do you hear me
            are you there
            is anybody there
            is this working
            test
            testing
            testing one two three
        """),
        "Yes, I can hear you.",
        "hearing",
    ),
    Question(
        _asks("""
            what time is it
            what time is it now
            what is the time
            what time do you have
            tell me the time
            do you have the time
            the time
            time
            current time
            time please
        """),
        "It is {time}.",
        "time",
    ),
    Question(
        _asks("""
            what day is it
            what day is it today
            what day is today
            what is the date
            what is the date today
            what date is it
            what is today
            what is today's date
            what month is it
            tell me the date
            the date
            date
        """),
        "Today is {date}.",
        "date",
    ),
    Question(
        _asks("""
            what year is it
            which year is it
            what is the year
        """),
        "It is {year}.",
        "year",
    ),
    Question(
        _asks("""
            say that again
            say it again
            repeat that
            repeat
            can you repeat that
            could you repeat that please
            what did you say
            what was that
            pardon
            pardon me
            come again
            once more
            i did not hear you
            i did not understand
        """),
        "{last}",
        "again",
    ),
    Question(
        _asks("""
            stop
            stop it
            stop talking
            be quiet
            quiet
            cancel
            never mind
            forget it
            shut up
            enough
            hold on
            wait
        """),
        "Okay.",
        "stop",
    ),
    Question(
        _asks("""
            yes
            yeah
            yes please
            no
            no thanks
            no thank you
            okay
            ok
            all right
            alright
            good
            great
            sure
            i see
            right
        """),
        "All right.",
        "acknowledged",
    ),
    Question(
        _asks("""
            what is the weather like
            what is the weather
            what is the weather today
            what is the weather like today
            what is the weather forecast
            how is the weather
            how is the weather today
            is it raining
            is it going to rain
            will it rain today
            will it rain tomorrow
            the weather
            weather
        """),
        "I do not know: this server has no weather source.",
        "weather",
    ),
    Question(
        _asks("""
            how old is the brooklyn bridge
            what is the age of the brooklyn bridge
            when was the brooklyn bridge built
            when did the brooklyn bridge open
        """),
        # Opened on May 24, 1883 (US National Register of Historic Places, 66000523).
        "The Brooklyn Bridge opened in 1883, so it is {age:1883-05-24} years old.",
        "brooklyn_bridge",
    ),
    Question(
        _asks("""
            do you speak spanish
            do you speak french
            do you speak german
            do you speak english
            what languages do you speak
            which languages do you speak
            can you speak another language
        """),
        "I understand and speak English only.",
        "language",
    ),
    Question(
        _asks("""
            louder
            speak louder
            speak up
            quieter
            turn it up
            turn it down
            volume up
            volume down
            turn up the volume
            turn down the volume
        """),
        "Please use the volume control of your device.",
        "volume",
    ),
    Question(
        _asks("""
            tell me a joke
            do you know a joke
            do you know any jokes
            make me laugh
            say something funny
        """),
        "I know one. Why was six afraid of seven? Because seven ate nine.",
        "joke",
    ),
    Question(
        _asks("""
            say something
            tell me something
            talk to me
        """),
        "The Brooklyn Bridge opened in 1883. You could also ask me for the time, or "
        "for a sum.",
        "something",
    ),
)
